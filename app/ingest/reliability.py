"""What is known of providers: how reliable, how ranked, what of theirs is in quarantine."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.database.engine import Connection
from app.ingest.confidence import (
    HALF_LIFE,
    MEMORY,
    RANK_NONE,
    Judged,
    reliability_of,
)

# By (provider, sport).
Judgements = Mapping[tuple[str, str], Judged]

# The driver reads infinity as a moment without a zone, which compares with none.
_PROVIDERS = """
SELECT provider, sport_id, r.agreed, r.disagreed, h.priority,
       CASE h.quarantined_before WHEN 'infinity' THEN '9999-01-01 00:00Z'
                                 ELSE h.quarantined_before END AS quarantined_before
FROM provider_reliability r FULL JOIN provider_health h USING (provider, sport_id)
"""
# Counts fade with time, and with every judgement once there are enough of them.
_FADE = f"""(
    power(0.5, extract(epoch FROM greatest(excluded.updated_at - r.updated_at, '0'))
               / {HALF_LIFE.total_seconds()})
    * least(1, {MEMORY} / greatest(r.agreed + r.disagreed, 1))
)"""
_LEARN = f"""
INSERT INTO provider_reliability AS r (provider, sport_id, agreed, disagreed, updated_at)
SELECT n.*, statement_timestamp()
FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[])
     AS n (provider, sport_id, agreed, disagreed)
ORDER BY 1, 2
ON CONFLICT (provider, sport_id) DO UPDATE
SET agreed = excluded.agreed + {_FADE} * r.agreed,
    disagreed = excluded.disagreed + {_FADE} * r.disagreed,
    updated_at = excluded.updated_at
"""


class Standing(msgspec.Struct, frozen=True):
    """What a provider's word is worth, and from when on it counts (None: always)."""

    reliability: float = reliability_of(0, 0)
    rank: int = RANK_NONE
    counts_from: datetime | None = None

    def counts(self, observed_at: datetime) -> bool:
        """Says whether something observed then is out of quarantine."""
        return self.counts_from is None or observed_at >= self.counts_from


class Providers:
    """How every provider stands, sport by sport, at one moment."""

    def __init__(
        self, standings: Mapping[tuple[str, str], Standing], ranks: Mapping[str, int]
    ) -> None:
        self.read = (standings, ranks)
        self._standings = dict(standings)
        self._ranks = ranks
        self.all_count = all(one.counts_from is None for one in standings.values())
        """Nobody is in quarantine."""

    def stand_as(self, others: "Providers") -> bool:
        """Says whether every provider stands as it does among the others."""
        return self.read == others.read

    def of(self, provider: str, sport: str) -> Standing:
        """Returns how a provider stands; one nobody knows anything of has the prior."""
        found = self._standings.get((provider, sport))
        if found is None:
            found = Standing(rank=self._ranks.get(provider, RANK_NONE))
            self._standings[provider, sport] = found
        return found


async def providers_now(connection: Connection) -> Providers:
    """Returns how all providers stand; some dozens of rows."""
    standings: dict[tuple[str, str], Standing] = {}
    ranks: dict[str, int] = {}
    for row in await connection.fetch(_PROVIDERS):
        rank = RANK_NONE if row["priority"] is None else row["priority"]
        ranks[row["provider"]] = rank
        if row["sport_id"] is not None:
            reliability = reliability_of(row["agreed"] or 0.0, row["disagreed"] or 0.0)
            standing = Standing(reliability, rank, row["quarantined_before"])
            standings[row["provider"], row["sport_id"]] = standing
    return Providers(standings, ranks)


async def learn(connection: Connection, judgements: Judgements) -> None:
    """Adds what a batch taught, in one statement; nothing when it taught nothing.

    To be the last write of its transaction: the rows are the same for everybody.
    """
    told = sorted((key, judged) for key, judged in judgements.items() if judged != Judged())
    if not told:
        return
    await connection.execute(
        _LEARN,
        [provider for (provider, _), _ in told],
        [sport for (_, sport), _ in told],
        [judged.agreed for _, judged in told],
        [judged.disagreed for _, judged in told],
    )
