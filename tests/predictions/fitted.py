"""Parameters fitted once for all tests, on what comes along, and put where they are in use."""

from datetime import date
from functools import lru_cache

from app.database.engine import Connection
from app.history.shipped import shipped
from app.predictions.keeping import keep_parameters
from app.predictions.models import fit
from app.predictions.parameters import Parameters

AS_OF = date(2023, 12, 31)
SHARE = 0.95


@lru_cache
def nations() -> Parameters:
    """Returns what is known of nations."""
    return fit("football-nation-1", shipped("internationals"), AS_OF, league="internationals")


@lru_cache
def skaters() -> Parameters:
    """Returns what is known of the PWHL."""
    results = [result for result in shipped("hockey") if result.league == "pwhl"]
    return fit("hockey-1", results, date(2025, 6, 1), league="pwhl")


async def use(connection: Connection, *parameters: Parameters) -> None:
    """Puts parameters in use, as a fit does."""
    for one in parameters:
        await keep_parameters(connection, one, learnt_from=one.results, share=SHARE)
