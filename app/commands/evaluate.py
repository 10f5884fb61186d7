"""`app evaluate`: the models proved on results of the past, walking forward."""

import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec

from app.history.files import files_in, read_file
from app.history.result import Result
from app.history.shipped import shipped
from app.predictions.evaluation import Judged, Proof, prove
from app.predictions.in_play_proof import MINUTES, Table, chances_at, table_at
from app.predictions.results import seen_before
from app.predictions.scoring import judge
from app.predictions.walk import outcomes_of, walk
from app.sports.match import Sport

# What comes along is judged on its last seasons, fitted as often as is served, but for nations,
# whose years are many; odds are not among it.
LEAGUES = {
    "premier-league": ("football-club-1", "2019-08-01", "2023-06-30", 1),
    "internationals": ("football-nation-1", "2018-01-01", "2023-12-31", 7),
    "euroleague": ("basketball-1", "2010-09-01", "2017-06-30", 1),
    "nhl": ("hockey-1", "2022-11-01", "2023-06-30", 1),
    "atp": ("tennis-1", "2021-01-01", "2021-12-31", 1),
}
_MODELS = {
    Sport.FOOTBALL: "football-club-1",
    Sport.BASKETBALL: "basketball-1",
    Sport.HOCKEY: "hockey-1",
    Sport.TENNIS: "tennis-1",
}
_WAYS = {3: ("home", "draw", "away"), 2: ("home", "away")}
Span = tuple[date, date]
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument(
    "paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]..."
)
@click.option("--league", help="The league's slug, where files do not say.")
@click.option("--seasons", help="Judges these: 2019-20..2022-23, or one.")
@click.option("--since", type=DAY, help="Judges from this day on, instead of by season.")
@click.option("--until", type=DAY, help="Judges until this day.")
@click.option("--every", type=click.IntRange(1, 365), help="Days a fit is used for.")
@click.option("--tables/--no-tables", default=True, help="Reliability tables.")
@click.option("--in-play/--no-in-play", default=True, help="In play, where minutes are known.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def evaluate(paths: tuple[Path, ...], **asked: object) -> None:
    """Proves the models on results in files (see `app history import`), league by league.

    Without files, on those that come along. A match is forecast from days before it only.
    """
    wanted = msgspec.convert({k: v for k, v in asked.items() if v is not None}, _Asked)
    proofs: list[Proof] = []
    for league, results in sorted(_leagues(paths, wanted).items()):
        model, span, every = _plan(league, results, wanted)
        seen = seen_before(results, date.max)
        with _bar(league) as progress:
            proof = prove(model, seen, span, every_days=every, progress=progress)
        if proof is None:
            click.echo(f"{league}: no match in {span[0]} to {span[1]}", err=True)
            continue
        proofs.append(proof)
        if not wanted.as_json:
            _print(proof, seen.left_out, tables=wanted.tables)
            if wanted.in_play:
                _print_in_play(model, seen.results, span)
    if wanted.as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(proofs), indent=2))
    if not proofs:
        raise SystemExit(1)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    league: str | None = None
    seasons: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    every: int | None = None
    tables: bool = True
    in_play: bool = True
    as_json: bool = False


def _leagues(paths: Sequence[Path], asked: _Asked) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = defaultdict(list)
    if not paths:
        for result in shipped():
            found[result.league].append(result)
        names = [asked.league] if asked.league else list(LEAGUES)
        return {name: found[name] for name in names if found.get(name)}
    today = datetime.now(UTC).date()
    for file in (file for path in paths for file in files_in(path)):
        for one in read_file(file, today=today, league=asked.league):
            if isinstance(one, Result):
                found[one.league].append(one)
    return found


def _plan(league: str, results: Sequence[Result], asked: _Asked) -> tuple[str, Span, int]:
    """Returns the model, the days judged, and how long a fit is used."""
    sport = results[0].sport
    model, first, last, every = LEAGUES.get(
        league, (_MODELS[sport], "2019-08-01", str(max(r.played_on for r in results)), 1)
    )
    if asked.seasons:
        begin, _, end = asked.seasons.partition("..")
        judged = [r.played_on for r in results if r.season and begin <= r.season <= (end or begin)]
        if not judged:
            raise click.ClickException(f"{league} has no season {asked.seasons}")
        return model, (min(judged), max(judged)), asked.every or every
    since = asked.since.date() if asked.since else date.fromisoformat(first)
    until = asked.until.date() if asked.until else date.fromisoformat(last)
    return model, (since, until), asked.every or every


@contextmanager
def _bar(label: str) -> Generator[Callable[[int, int], None]]:
    """Yields what takes (done, of all) and shows it on stderr, where nobody pipes it."""
    with click.progressbar(length=1_000, label=label, file=sys.stderr) as bar:
        shown = 0

        def take(done: int, whole: int) -> None:
            nonlocal shown
            now = 1_000 * done // max(whole, 1)
            if now > shown:
                bar.update(now - shown)
                shown = now

        yield take


def _print(proof: Proof, left_out: dict[str, int], *, tables: bool) -> None:
    ways = _WAYS[len(proof.least_ece)]
    click.echo(f"\n## {proof.league}: {proof.matches} matches, {proof.first} to {proof.last}\n")
    without = f" {proof.without_odds} more have no odds." if proof.without_odds else ""
    click.echo(f"Model {proof.model}. Left out: {left_out or 'nothing'}.{without}\n")
    heads = ["forecaster", "log-loss", "Brier", "RPS"]
    heads += [f"{what} {way}" for what in ("ECE", "miscalibration") for way in ways]
    click.echo(f"| {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}")
    for one in proof.judged:
        v = one.verdict
        figures = (v.log_loss, v.brier, v.rps, *v.ece, *v.miscalibration)
        click.echo(f"| {one.name} | {' | '.join(f'{x:.4f}' for x in figures)} |")
    least = ", ".join(f"{x:.4f}" for x in proof.least_ece)
    click.echo(f"\nECE that perfect chances would show over as many matches: {least}.")
    if proof.share is not None:
        click.echo(f"The market's share in the blend, learnt last: {proof.share:.3f}.")
    if proof.by_confidence:
        click.echo("\n| confidence | matches | distance to closing |\n|---|---:|---:|")
        for low, high, count, apart in proof.by_confidence:
            click.echo(f"| {low:.3f} to {high:.3f} | {count} | {apart:.4f} |")
    if tables:
        _print_reliability(proof.judged[0], ways)


def _print_reliability(judged: Judged, ways: Sequence[str]) -> None:
    click.echo(f"\nReliability of {judged.name}:\n")
    click.echo("| outcome | chance | matches | expected | came true |\n|---|---|---:|---:|---:|")
    for way, bins in zip(ways, judged.bins, strict=True):
        for b in bins:
            click.echo(
                f"| {way} | {b.low:.1f} to {b.high:.1f} | {b.count} | {b.expected:.3f} |"
                f" {b.observed:.3f} |"
            )


def _print_in_play(model: str, results: Sequence[Result], span: Span) -> None:
    """Prints log-loss by the minute against the table of frequencies, where minutes are known."""
    before = [r for r in results if r.goals is not None and r.played_on < span[0]]
    steps = [
        step for step in walk(model, results, span, every_days=30) if step.result.goals is not None
    ]
    if not before or not steps:
        return
    table, outcomes = Table(before), outcomes_of(steps)
    click.echo(f"\nIn play, {len(steps)} matches; the table is of {len(before)} before:\n")
    click.echo("| minute | model | table |\n|---:|---:|---:|")
    for minute in MINUTES:
        ours = judge(chances_at(steps, minute), outcomes).log_loss
        theirs = judge(table_at(steps, table, minute), outcomes).log_loss
        click.echo(f"| {minute} | {ours:.4f} | {theirs:.4f} |")
