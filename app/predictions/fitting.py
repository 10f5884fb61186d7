"""Fitting models anew: on what is kept and what comes along, league by league, off the event loop.

A league is fitted when there is something new to learn, and once a month all the same, as results
count for less the older they are. Numbers are made in threads: a fit takes 0.02 to 0.6 s, reading
what comes along 0.3 s a sport.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np

from app.database import engine
from app.database.engine import Connection, Pool
from app.history.keeping import leagues_known, results_before
from app.history.result import Result
from app.history.shipped import with_shipped
from app.predictions.blend import MARKET_SHARE, learn_share
from app.predictions.errors import TooFewResults
from app.predictions.goals import CLUBS, HOCKEY
from app.predictions.keeping import Version, current_versions, forget_unused, keep_parameters
from app.predictions.models import fit_seen
from app.predictions.nations import NATIONS
from app.predictions.parameters import Parameters
from app.predictions.points import BASKETBALL
from app.predictions.results import seen_before
from app.predictions.sets import TENNIS
from app.sports.match import SPORTS, Sport

# Strengths fade over two years at most; ratings of nations begin with the century.
LEARNT_YEARS = 26
# Fewer results of a league than this tell its sides hardly apart: its sides are strangers.
LEAGUE_RESULTS_MIN = 100
FITTED_AGAIN = timedelta(days=30)
# Matches with prices before which the share is what others said; and how many it is learnt from.
SHARE_LEARNT_MIN, SHARE_LEARNT_MAX = 100, 20_000
NATIONS_LEAGUE = "internationals"
# Why there is a new version.
FITTED = "fitted"
_DAYS_A_YEAR = 365
_MODELS = {
    Sport.FOOTBALL: CLUBS.name,
    Sport.BASKETBALL: BASKETBALL.name,
    Sport.HOCKEY: HOCKEY.name,
    Sport.TENNIS: TENNIS.name,
}

_SAID = """
SELECT r.outcome, o.home AS own_home, o.draw AS own_draw, o.away AS own_away,
       k.home, k.draw, k.away
FROM forecast_records AS r
JOIN judged_chances AS o ON (o.match_id, o.version) = (r.match_id, r.version)
    AND o.moment = 0 AND o.teller = 'model'
JOIN judged_chances AS k ON (k.match_id, k.version) = (r.match_id, r.version)
    AND k.moment = 0 AND k.teller = 'market'
WHERE r.sport_id = $1 AND NOT r.simulated
ORDER BY r.start_time DESC LIMIT $2
"""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one league: its version, or why there is none that is new; `took_s` is how many
    seconds the fit took.
    """

    sport: Sport
    league: str
    version: str | None
    because: str
    took_s: float = 0.0


async def refit(
    pool: Pool, today: date, *, anyway: bool = False, only: Sport | None = None
) -> list[Fitted]:
    """Fits every league that has something to learn from (`anyway`: every one); returns what came
    of each. Safe to call twice: the same results by the same day make the same version.

    What a sport's leagues learnt comes into use at once: while only some of it was there, a match
    might be forecast by a league that knows neither side, and stay so once it has begun.
    """
    found: list[Fitted] = []
    for sport in Sport if only is None else (only,):
        async with engine.connection(pool) as connection:
            kept = await _kept(connection, sport, today)
            share = await _share(connection, sport)
            now = {v.league: v for v in await current_versions(connection) if v.sport == sport}
        leagues = await asyncio.to_thread(_by_league, kept, sport)
        learnt: list[tuple[Parameters, int]] = []
        for league, results in leagues.items():
            if not anyway and not _is_due(now.get(league), len(results), today):
                found.append(_left(sport, league, "nothing new"))
                continue
            one, parameters = await _fit_league((sport, league), results, today)
            found.append(one)
            if parameters is not None:
                learnt.append((parameters, len(results)))
        async with engine.connection(pool) as connection, connection.transaction():
            for parameters, learnt_from in learnt:
                await keep_parameters(connection, parameters, learnt_from=learnt_from, share=share)
    async with engine.connection(pool) as connection:
        await forget_unused(connection)
    return found


async def _kept(connection: Connection, sport: Sport, today: date) -> list[Result]:
    since = today - timedelta(days=LEARNT_YEARS * _DAYS_A_YEAR)
    leagues = [known for known in await leagues_known(connection) if known[0] is sport]
    found: list[Result] = []
    for _, league, *_ in leagues:
        found += await results_before(connection, sport, today, league=league, since=since)
    return found


def _by_league(kept: Sequence[Result], sport: Sport) -> dict[str, list[Result]]:
    """Returns what is kept and what comes along, by league, those with enough of it."""
    every = with_shipped(kept, sport)
    counts = Counter(result.league for result in every)
    found: dict[str, list[Result]] = {
        league: [] for league, count in sorted(counts.items()) if count >= LEAGUE_RESULTS_MIN
    }
    for result in every:
        if result.league in found:
            found[result.league].append(result)
    return found


def _is_due(version: Version | None, count: int, today: date) -> bool:
    if version is None or version.learnt_from != count:
        return True
    return today - version.as_of >= FITTED_AGAIN


async def _fit_league(
    of: tuple[Sport, str], results: Sequence[Result], today: date
) -> tuple[Fitted, Parameters | None]:
    sport, league = of
    model, began = model_of(sport, league), time.perf_counter()
    try:
        parameters = await asyncio.to_thread(_fit, model, results, today, league)
    except TooFewResults as error:
        return _left(sport, league, error.code), None
    took_s = time.perf_counter() - began
    version = parameters.version
    fitted = Fitted(sport=sport, league=league, version=version, because=FITTED, took_s=took_s)
    return fitted, parameters


def model_of(sport: Sport, league: str) -> str:
    """Returns the name of the model that a league is fitted with."""
    return NATIONS.name if league == NATIONS_LEAGUE else _MODELS[sport]


def _fit(model: str, results: Sequence[Result], today: date, league: str) -> Parameters:
    seen = seen_before(results, today, least=LEAGUE_RESULTS_MIN)
    return fit_seen(model, seen.results, today, league=league)


def _left(sport: Sport, league: str, because: str) -> Fitted:
    return Fitted(sport=sport, league=league, version=None, because=because)


async def _share(connection: Connection, sport: Sport) -> float:
    """Returns how far a sport's blends follow the market, by what was said of past matches."""
    rows = await connection.fetch(_SAID, sport.value, SHARE_LEARNT_MAX)
    if len(rows) < SHARE_LEARNT_MIN:
        return MARKET_SHARE
    has_draw = SPORTS[sport].has_draw
    own = [(r["own_home"], r["own_draw"], r["own_away"]) for r in rows]
    market = [(r["home"], r["draw"], r["away"]) for r in rows]
    ways = (0, 1, 2) if has_draw else (0, 2)
    columns = {way: place for place, way in enumerate(ways)}
    return learn_share(
        np.array([[float(row[way]) for way in ways] for row in own]),
        np.array([[float(row[way]) for way in ways] for row in market]),
        [columns[row["outcome"]] for row in rows],
    )
