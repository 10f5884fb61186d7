"""`app predictions ...`: models fitted, listed, and asked, by any version there ever was."""

from datetime import UTC, datetime
from typing import Any, Literal

import click
import msgspec

from app.commands.place import with_pool
from app.commands.table import print_rows
from app.database import engine
from app.database.engine import Pool
from app.history.result import side_of
from app.history.sides import known_as
from app.predictions.fitting import Fitted
from app.predictions.fitting import refit as fit_again
from app.predictions.forecast import Forecast
from app.predictions.keeping import Version, parameters_of
from app.predictions.keeping import versions as all_versions
from app.predictions.models import Terms, forecast
from app.predictions.parameters import Parameters
from app.sports.match import Sport

# Versions printed: a year of nights of one league.
LISTED_MAX = 400
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command()
@click.option("--sport", type=click.Choice([sport.value for sport in Sport]), help="Only this one.")
@click.option("--all", "anyway", is_flag=True, help="Leagues with nothing new, too.")
@JSON
def refit(sport: str | None, *, anyway: bool, as_json: bool) -> None:
    """Fits every league that has something new to learn from; workers take it within a second.

    They do the same every night.
    """

    async def fit(pool: Pool) -> list[Fitted]:
        only = None if sport is None else Sport(sport)
        return await fit_again(pool, datetime.now(UTC).date(), anyway=anyway, only=only)

    rows = [
        (one.sport.value, one.league, one.version or "-", one.because, f"{one.took_s:.3f}")
        for one in with_pool("predictions", fit)
    ]
    titles = ("sport", "league", "version", "because", "seconds")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@JSON
def versions(*, as_json: bool) -> None:
    """Prints every version that is kept, the newest first."""

    async def ask(pool: Pool) -> list[Version]:
        async with engine.connection(pool) as connection:
            return list(await all_versions(connection, limit=LISTED_MAX))

    rows = [
        (v.version, v.league, str(v.results), f"{v.market_share}", f"{v.fitted_at:%Y-%m-%d %H:%M}")
        for v in with_pool("predictions", ask)
    ]
    titles = ("version", "league", "results", "market share", "fitted at")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@click.option("--version", required=True, help="As `model.version` has it.")
@click.option("--home", help="Forecasts a match of this side ...")
@click.option("--away", help="... against this one, as this version does.")
@click.option("--neutral", is_flag=True, help="Nobody is at home.")
@click.option("--surface", type=click.Choice(["hard", "clay", "grass", "carpet"]), help="Tennis.")
@click.option("--best-of", type=click.Choice(["3", "5"]), help="Tennis.")
def show(version: str, home: str | None, away: str | None, **more: Any) -> None:
    """Prints what a version learnt, or what it says of a match; old versions say what they said."""

    async def ask(pool: Pool) -> Parameters:
        async with engine.connection(pool) as connection:
            return await parameters_of(connection, version)

    if (home is None) != (away is None):
        raise click.UsageError("a match takes --home and --away")
    parameters = with_pool("predictions", ask)
    told: Parameters | Forecast = parameters
    if home is not None and away is not None:
        told = _said(parameters, (home, away), more)
    click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))


def _said(parameters: Parameters, names: tuple[str, str], more: dict[str, Any]) -> Forecast:
    sport = parameters.sport
    home, away = (known_as(n, sport, parameters.sides) or side_of(n, sport) for n in names)
    longest: Literal[3, 5] | None = {"3": 3, "5": 5}.get(more["best_of"])  # pyright: ignore
    terms = Terms(
        home=home,
        away=away,
        neutral=more["neutral"],
        surface=more["surface"],
        best_of=longest,
    )
    return forecast(parameters, terms)
