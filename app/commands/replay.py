"""`app replay record`: what a provider says, as recordings that can be played."""

import asyncio
from pathlib import Path

import click

from app import logs, settings
from app.providers import registry
from app.providers.provider import Unlimited
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
