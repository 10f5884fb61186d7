"""`app replay record`: what a provider says, as recordings that can be played."""

import asyncio
from pathlib import Path

import click
import msgspec

from app import logs, settings
from app.providers import readers, registry
from app.providers.archive import exchanges
from app.providers.http import Exchange
from app.providers.provider import Answer, ProviderError, Unlimited
from app.providers.readers import Kept, NoReader
from app.providers.replay.record import Recorder
from app.providers.replay.record import record as record_provider
from workers.providers import Makers


@click.group()
def replay() -> None:
    """Records what a provider says."""


@replay.command()
@click.argument("provider")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(min=1), default=3600, show_default=True)
def record(provider: str, folder: Path, seconds: float) -> None:
    """Asks PROVIDER by its own rules and writes what it says into FOLDER, one file a match."""
    asked = settings.load()
    folder.mkdir(parents=True, exist_ok=True)
    logs.set_up(level=asked.log_level, form="console")
    click.echo(f"{asyncio.run(_record(asked, provider, folder, seconds))} matches written")


async def _record(asked: settings.Settings, name: str, folder: Path, seconds: float) -> int:
    try:
        _, made = Makers(asked, lambda _, __: Unlimited()).switched_on(name)
    except registry.UnknownProvider as error:
        raise click.BadParameter(str(error), param_hint="PROVIDER") from error
    provider = next(iter(made.values()))
    try:
        return await record_provider(provider, folder, seconds=seconds)
    finally:
        await provider.close()


@replay.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--provider", default="*", help="Answers of this provider; all, if not given.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Writes recordings there, one file a match, instead of printing observations.",
)
def archive(folder: Path, provider: str, into: Path | None) -> None:
    """Reads archived answers in FOLDER again and prints what they say, an observation a line."""
    logs.set_up(level=settings.load().log_level, form="console")
    recorder = None if into is None else Recorder(into)
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
    left_out = 0
    for exchange in exchanges(folder, provider):
        answer = _read_again(exchange)
        if answer is None:
            left_out += 1
        elif recorder is not None:
            recorder.take(answer.observations)
        else:
            for said in answer.observations:
                click.echo(msgspec.json.encode(said))
    if recorder is not None:
        click.echo(f"{recorder.save()} matches written")
    click.echo(f"{left_out} answers left out: not readable by themselves", err=True)


def _read_again(exchange: Exchange) -> Answer | None:
    kept = Kept(
        provider=exchange.provider,
        body=exchange.body,
        received_at=exchange.at,
        path=exchange.path,
        parameters=exchange.parameters,
    )
    try:
        return readers.read(kept)
    except (NoReader, ProviderError):
        return None
