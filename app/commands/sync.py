"""`app sync`: asks providers here and now, and takes in what they say."""

import asyncio
import re
import signal
import time
from collections.abc import Mapping

import click
import msgspec
from msgspec.structs import replace

from app import logs
from app.commands.place import database, settings_of_run
from app.database import engine
from app.database.engine import Pool
from app.errors import AppError
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in
from app.ingest.known import Known
from app.polling import plan
from app.providers import registry
from app.providers.provider import AnyProvider, Ask, PollRule, ProviderError, observe
from app.settings import Settings
from workers.providers import Makers, shared

# Shorter than this the rounds would only wait for each other.
RECURRING_S_MIN = 0.5
RECURRING_S_MAX = 86_400.0
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float, str]):
    """A time such as `3s`, `500ms`, `2m`; a bare number is seconds."""

    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Returns the seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", value)
        if found is None:
            self.fail(f"{value!r} is not a time such as 3s or 2m", param, ctx)
        seconds = float(found[1]) * _UNITS_S[found[2] or "s"]
        if not RECURRING_S_MIN <= seconds <= RECURRING_S_MAX:
            self.fail(f"from {RECURRING_S_MIN:g} s to a day", param, ctx)
        return seconds


@click.command()
@click.option("--provider", "only", multiple=True, help="A provider; not given: all.")
@click.option("--recurring", type=Duration(), help="Again and again, so far apart: 3s, 2m.")
def sync(only: tuple[str, ...], recurring: float | None) -> None:
    """Asks every question there is once, or again and again until SIGINT or SIGTERM, and says what
    came of it.
    """
    asked = settings_of_run()
    logs.set_up(level="warning", form="console")
    names = ",".join(only) or asked.worker.providers
    with database(asked) as url:
        try:
            failed = asyncio.run(_sync(asked, url, names, recurring))
        except registry.UnknownProvider as error:
            raise click.BadParameter(str(error), param_hint="--provider") from error
        except asyncio.CancelledError:
            return
    if failed:
        raise click.ClickException(f"{failed} questions were not answered")


async def _sync(asked: Settings, url: str, names: str, recurring: float | None) -> int:
    asking = asyncio.current_task()
    assert asking is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asking.cancel)
    pool = await engine.open_pool(
        url,
        connections_max=2,
        statement_timeout_s=asked.database.statement_timeout_s,
        name="touchline-sync",
    )
    made = Makers(asked, shared(pool, asked))
    try:
        _, providers = made.switched_on(names)
    except registry.UnknownProvider:
        pool.terminate()
        raise
    try:
        while True:
            began = time.monotonic()
            failed = await _round(pool, providers)
            if recurring is None:
                return failed
            await asyncio.sleep(max(0.0, began + recurring - time.monotonic()))
    finally:
        for provider in providers.values():
            await provider.close()
        pool.terminate()


async def _round(pool: Pool, providers: Mapping[str, AnyProvider]) -> int:
    """Asks every question once; returns how many were not answered."""
    questions = [(p, rule) for p in providers.values() for rule in p.rules()]
    failed = 0
    known = Known()
    for number, (provider, rule) in enumerate(questions, start=1):
        began = time.monotonic()
        try:
            said = await _ask(pool, provider, rule, known)
        except (ProviderError, AppError, TimeoutError) as error:
            said = f"failed: {error or type(error).__name__}"
            failed += 1
        what = " ".join(
            filter(None, (provider.name, rule.scope.value, rule.sport.value, rule.part))
        )
        took_ms = round((time.monotonic() - began) * 1000)
        click.echo(f"[{number}/{len(questions)}] {what}: {said} ({took_ms} ms)")
    return failed


async def _ask(pool: Pool, provider: AnyProvider, rule: PollRule, known: Known) -> str:
    ask = Ask(scope=rule.scope, sport=rule.sport, part=rule.part)
    if rule.matches_max:
        # Asked match by match: of those that are on and next to come, as many as one poll takes.
        async with engine.connection(pool) as connection:
            wanted = await plan.next_matches(
                connection, provider.name, rule.sport.value, rule.matches_max
            )
        ask = replace(ask, matches=wanted)
    async with asyncio.timeout(rule.timeout_ms / 1000):
        answer = await observe(provider, ask)
    origin = Origin(provider=provider.name, scope=rule.scope.value, sport=rule.sport.value)
    taken = await take_in(pool, origin, answer, known)
    assert taken is not None, "there is no fence"
    changed = msgspec.structs.asdict(taken)
    words = [f"{changed['matches']} matches", f"{changed['scores_changed']} scores changed"]
    words += [f"{changed['quotes']} quotes"] if changed["quotes"] else []
    words += [f"{len(answer.rejected)} rejected"] if answer.rejected else []
    return ", ".join(words)
