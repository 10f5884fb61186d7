"""TheSportsDB as a provider of matches and scores: v1 for days and single matches, v2 for scores.

v1 (the free key will do) tells what is on a day, and results some time after a match is over. v2
(a paid key) tells live scores of a whole sport at once.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from app.providers.http import Exchange, Http, Reply, Request
from app.providers.items import Part, joined
from app.providers.provider import (
    Allowance,
    Answer,
    Ask,
    PollRule,
    ProviderError,
    ProviderUnreadable,
    QuotaSpent,
    Rejected,
    Scope,
)
from app.providers.thesportsdb.normalize import NAME, THEIR_SPORTS, read_live, read_rows
from app.providers.thesportsdb.payloads import rows_of
from app.sports.ids import ExternalId
from app.sports.match import Sport

# Its own numbers: the free key may ask 30 times a minute, a paid one 100 times.
REQUESTS_PER_MINUTE: Mapping[int, int] = {1: 30, 2: 100}
# It renews live scores every two minutes; at half of that they are three minutes old at worst.
SCORES_MS = 60_000
# Days to come are typed in by people, and change slowly.
FIXTURES_MS = 900_000
# Today, tomorrow and the day after, a request each.
DAYS = 3
# Days there are UTC days: an evening's match in the Americas is on yesterday's for so long.
YESTERDAY_FOR = timedelta(hours=6)
# Matches somebody wants that a day or the live scores leave out (the free key sees three a day) are
# asked for one by one: so many a poll, and each not again for so long.
LOOKUPS_MAX = 5
LOOKUP_AGAIN_S = 300.0
# Matches whose last look-up is remembered; more than could be looked up in that time.
LOOKUPS_KEPT_MAX = 1_000
# When it says "too many", it wants a minute of rest and does not say so.
REST_S = 60.0
# Printed in its documentation; no secrets, and too short to be looked for in a body.
FREE_KEYS = frozenset({"", "3", "123"})
_TIMEOUT_S = 8.0
_TIMEOUT_MS = 30_000
# How much more seldom days to come are asked for, where the world turns faster than this one.
_FIXTURES_SLOWER = 10


class TheSportsDb:
    """TheSportsDB, asked over HTTP. `version` 2 needs a paid key; it asks v1 too."""

    name = NAME

    def __init__(
        self,
        *,
        key: str,
        url: str,
        version: Literal[1, 2],
        allowance: Allowance,
        keep: Callable[[Exchange], None] | None = None,
        tls: ssl.SSLContext | None = None,
        fastest_ms: int | None = None,
    ) -> None:
        self._key = key
        self._version = version
        self._fastest_ms = fastest_ms
        self._again_s = LOOKUP_AGAIN_S * (fastest_ms or SCORES_MS) / SCORES_MS
        self._looked_up: dict[ExternalId, float] = {}
        self._http = Http(NAME, url, allowance=allowance, timeout_s=_TIMEOUT_S, keep=keep, tls=tls)

    def rules(self) -> Sequence[PollRule]:
        """Returns one rule for fixtures and one for scores of each sport."""
        return [
            rule for sport in THEIR_SPORTS for rule in (self._fixtures(sport), self._scores(sport))
        ]

    async def fixtures(self, ask: Ask) -> Answer:
        """Asks for the matches of the next days that have not begun."""
        today = datetime.now(UTC).date()
        days = [today + timedelta(days=ahead) for ahead in range(DAYS)]
        return joined([await self._day(Scope.FIXTURES, ask.sport, day) for day in days])

    async def scores(self, ask: Ask) -> Answer:
        """Asks for the matches of these hours, and for wanted ones that are not among them."""
        if self._version == 2:
            parts = [await self._live(ask.sport)]
        else:
            days = days_of_scores(datetime.now(UTC))
            parts = [await self._day(Scope.SCORES, ask.sport, day) for day in days]
        answered = {said.external_id for observations, _ in parts for said in observations}
        wanted = [match for match in ask.matches if match not in answered]
        return joined([*parts, *await self._look_up(ask.sport, wanted)])

    async def markets(self, ask: Ask) -> Answer:
        """Says nothing: it has no prices."""
        del ask
        return Answer()

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice."""
        await self._http.close()

    def _fixtures(self, sport: Sport) -> PollRule:
        own = FIXTURES_MS if self._fastest_ms is None else self._fastest_ms * _FIXTURES_SLOWER
        return PollRule(
            scope=Scope.FIXTURES, sport=sport, interval_ms=own, timeout_ms=_TIMEOUT_MS, cost=DAYS
        )

    def _scores(self, sport: Sport) -> PollRule:
        own = SCORES_MS if self._fastest_ms is None else self._fastest_ms
        # Two days in v1, while yesterday's last matches go on.
        cost = 1 if self._version == 2 else 2
        return PollRule(
            scope=Scope.SCORES, sport=sport, interval_ms=own, timeout_ms=_TIMEOUT_MS, cost=cost
        )

    async def _day(self, scope: Scope, sport: Sport, day: date) -> Part:
        question = {"d": day.isoformat(), "s": THEIR_SPORTS[sport].replace(" ", "_")}
        reply = await self._v1("eventsday.php", question)
        return read_rows(self._rows(reply), scope, sport, reply.received_at)

    async def _live(self, sport: Sport) -> Part:
        name = THEIR_SPORTS[sport].replace(" ", "_").lower()
        reply = await self._ask(
            Request(path=f"/api/v2/json/livescore/{name}", headers={"X-API-KEY": self._key})
        )
        return read_live(self._rows(reply), sport, reply.received_at)

    async def _look_up(self, sport: Sport, wanted: Sequence[ExternalId]) -> list[Part]:
        """Asks for single matches; what fails here takes nothing from what is already said."""
        parts: list[Part] = []
        for match in self._due(wanted):
            try:
                reply = await self._v1("lookupevent.php", {"id": match})
                said, rejected = read_rows(
                    self._rows(reply), Scope.SCORES, sport, reply.received_at
                )
            except ProviderUnreadable as error:
                parts.append(
                    ((), [Rejected(index=0, code=error.kind, message=str(error), raw=error.raw)])
                )
            except ProviderError:
                # Counted where it was made; the others would fare no better.
                break
            else:
                # The free key is at times answered with a match nobody asked for.
                parts.append(([one for one in said if one.external_id == match], rejected))
        return parts

    def _due(self, wanted: Sequence[ExternalId]) -> list[ExternalId]:
        """Returns whom to look up now, and remembers it."""
        now = time.monotonic()
        since = now - self._again_s
        self._looked_up = {match: at for match, at in self._looked_up.items() if at > since}
        due = [match for match in wanted if match not in self._looked_up][:LOOKUPS_MAX]
        if len(self._looked_up) <= LOOKUPS_KEPT_MAX:
            self._looked_up.update(dict.fromkeys(due, now))
        return due

    async def _v1(self, name: str, question: Mapping[str, str]) -> Reply:
        # The key is a part of the address there.
        return await self._ask(
            Request(
                path=f"/api/v1/json/{{key}}/{name}",
                parameters=question,
                secrets={"key": self._key},
            )
        )

    async def _ask(self, request: Request) -> Reply:
        try:
            return await self._http.ask(request)
        except QuotaSpent as error:
            if error.retry_after_s is None:
                error.retry_after_s = REST_S
            raise

    def _rows(self, reply: Reply) -> Sequence[msgspec.Raw]:
        try:
            return rows_of(reply.body)
        except ProviderUnreadable as error:
            # A page of HTML may repeat the address, and the key in it.
            if self._key not in FREE_KEYS:
                error.raw = error.raw.replace(self._key.encode(), b"***")
            raise


def days_of_scores(now: datetime) -> Sequence[date]:
    """Returns today, after yesterday while its last matches may go on."""
    earlier = (now - YESTERDAY_FOR).date()
    return (now.date(),) if earlier == now.date() else (earlier, now.date())
