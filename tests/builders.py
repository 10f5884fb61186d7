"""Rows for tests: plain functions with defaults; each returns the id of what it made."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from app.database.engine import Connection
from app.sports.ids import slug_of

KICK_OFF = datetime(2025, 11, 22, 15, tzinfo=UTC)
HEARD = datetime(2025, 11, 22, 15, 30, tzinfo=UTC)
PRICES = {"home": "2.10", "draw": "3.4", "away": "3.625"}


async def a_league(
    connection: Connection, name: str = "Premier League", *, sport: str = "football"
) -> int:
    """A league; the one of the same name, if there is one."""
    number: int = await connection.fetchval(
        """
        INSERT INTO leagues (sport_id, slug, name, country, season)
        VALUES ($1, $2, $3, 'England', '2026')
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name RETURNING id
        """,
        sport,
        slug_of(name),
        name,
    )
    return number


async def a_participant(connection: Connection, name: str, *, sport: str = "football") -> int:
    """A team or a player."""
    number: int = await connection.fetchval(
        "INSERT INTO participants (sport_id, name) VALUES ($1, $2) RETURNING id", sport, name
    )
    return number


async def a_match(
    connection: Connection,
    home: str = "Arsenal",
    away: str = "Chelsea",
    *,
    sport: str = "football",
    league: str = "Premier League",
    start_time: datetime = KICK_OFF,
    status: str | None = "live",
    score: tuple[int, int] | None = (0, 0),
) -> int:
    """A match and its score; with status None, one that no provider told a score of."""
    number: int = await connection.fetchval(
        """
        INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """,
        sport,
        await a_league(connection, league, sport=sport),
        await a_participant(connection, home, sport=sport),
        await a_participant(connection, away, sport=sport),
        start_time,
    )
    if status is not None:
        await a_score(connection, number, score, status=status)
    return number


async def a_score(
    connection: Connection,
    match_id: int,
    score: tuple[int, int] | None = (0, 0),
    *,
    status: str = "live",
) -> None:
    """What we believe of a match's score from now on."""
    home, away = score or (None, None)
    await connection.execute(
        """
        INSERT INTO live_scores AS s (match_id, status, home_score, away_score, period, clock)
        VALUES ($1, $2, $3, $4, '1st Half', '12')
        ON CONFLICT (match_id) DO UPDATE
        SET status = excluded.status, home_score = excluded.home_score,
            away_score = excluded.away_score, updated_at = clock_timestamp()
        """,
        match_id,
        status,
        home,
        away,
    )


async def a_told_score(
    connection: Connection,
    match_id: int,
    score: tuple[int, int] = (0, 0),
    *,
    provider: str = "replay",
    observed_at: datetime = HEARD,
) -> None:
    """What a provider said of a match's score."""
    told = {"status": "live", "home": score[0], "away": score[1], "periods": []}
    await connection.execute(
        """
        INSERT INTO score_observations VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (match_id, provider) DO UPDATE
        SET score = excluded.score, observed_at = excluded.observed_at
        """,
        match_id,
        provider,
        msgspec.json.encode(told).decode(),
        observed_at,
    )


async def an_incident(connection: Connection, match_id: int, ordinal: int = 1, **body: Any) -> int:
    """Something that occurred: a goal of the home side, unless told otherwise."""
    said = {"type": "goal", "side": "home", "homeScore": 1, "awayScore": 0, **body}
    number: int = await connection.fetchval(
        """
        INSERT INTO incidents (match_id, provider, key, ordinal, body)
        VALUES ($1, 'replay', $2, $3, $4) RETURNING id
        """,
        match_id,
        f"incident-{ordinal}",
        ordinal,
        msgspec.json.encode({**said, "key": f"incident-{ordinal}"}).decode(),
    )
    return number


async def a_market(
    connection: Connection,
    match_id: int,
    odds: Mapping[str, str] = PRICES,
    *,
    line: str | None = None,
    status: str = "open",
) -> int:
    """A market with a selection for each of `odds`: a winner, or a total when there is a line."""
    number: int = await connection.fetchval(
        """
        INSERT INTO markets (match_id, type, line, status, overround)
        VALUES ($1, $2, $3, $4, 0.0512) RETURNING id
        """,
        match_id,
        "winner" if line is None else "total",
        None if line is None else Decimal(line),
        status,
    )
    await connection.execute(
        """
        INSERT INTO selections
            (market_id, key, name, odds, best_odds, best_provider, fair_probability, status)
        SELECT $1, k, k, o, o, 'sim-north', 0.3333, 'open'
        FROM unnest($2::text[], $3::numeric[]) AS s (k, o)
        """,
        number,
        list(odds),
        [Decimal(price) for price in odds.values()],
    )
    return number


async def selections_of(connection: Connection, market_id: int) -> dict[str, int]:
    """The ids of a market's selections, by their keys."""
    rows = await connection.fetch("SELECT key, id FROM selections WHERE market_id = $1", market_id)
    return {row["key"]: row["id"] for row in rows}


async def a_price(connection: Connection, selection_id: int, odds: str) -> None:
    """The price of a selection from now on."""
    await connection.execute(
        "UPDATE selections SET odds = $2, best_odds = $2, updated_at = clock_timestamp()"
        " WHERE id = $1",
        selection_id,
        Decimal(odds),
    )


async def a_quote(
    connection: Connection,
    selection_id: int,
    odds: str = "2.05",
    *,
    bookmaker: str = "sim-north",
    observed_at: datetime = HEARD,
) -> None:
    """What a bookmaker offers for a selection."""
    await connection.execute(
        """
        INSERT INTO quotes (selection_id, provider, bookmaker, odds, observed_at)
        VALUES ($1, 'replay', $2, $3, $4)
        """,
        selection_id,
        bookmaker,
        Decimal(odds),
        observed_at,
    )


async def a_poll_task(
    connection: Connection, *, provider: str = "replay", sport: str = "football", failures: int = 0
) -> int:
    """Something that is asked of a provider."""
    number: int = await connection.fetchval(
        """
        INSERT INTO poll_tasks (provider, scope, sport_id, interval_ms, timeout_ms, failures)
        VALUES ($1, 'scores', $2, 1000, 1000, $3) RETURNING id
        """,
        provider,
        sport,
        failures,
    )
    return number
