"""What providers answered is kept, bounded, and read again."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import metrics
from app.cli import main
from app.providers import archive
from app.providers.archive import Archive, exchanges
from app.providers.http import Exchange
from app.providers.replay import recording

AT = datetime(2025, 11, 22, 15, 30, tzinfo=UTC)
KICK_OFF = datetime(2026, 11, 21, 15, tzinfo=UTC)
RECORDINGS = Path(__file__).parents[1] / "recordings"


def an_exchange(
    body: bytes = b'{"a":1}', *, at: datetime = AT, provider: str = "told", path: str = "/a"
) -> Exchange:
    """An answer."""
    return Exchange(
        provider=provider,
        at=at,
        method="GET",
        path=path,
        parameters={"live": "all"},
        status=200,
        body=body,
    )


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Archive]:
    """An archive that keeps all there is."""
    made = Archive(tmp_path, bytes_max=2**30)
    yield made
    made.close()


def skipped(reason: str) -> float:
    """How many answers were left out for a reason."""
    return metrics.REGISTRY.get_sample_value(
        "touchline_archive_skipped_total", {"reason": reason}
    ) or 0  # fmt: skip


def test_what_is_kept_comes_back_in_order_of_time(opened: Archive, tmp_path: Path):
    kept = [
        an_exchange(b""),
        an_exchange('{"name": "Frölunda"}'.encode(), at=AT + timedelta(seconds=1), provider="b"),
        an_exchange(b"\xff\x00 no text", at=AT + timedelta(seconds=2)),
        an_exchange(at=AT + timedelta(hours=2)),
    ]
    for exchange in kept:
        opened.keep(exchange)
    opened.close()
    assert list(exchanges(tmp_path, "told")) == [kept[0], kept[2], kept[3]]
    assert list(exchanges(tmp_path)) == kept
    assert {file.parent.name for file in tmp_path.glob("*/*")} == {"told", "b"}
    assert {file.name[:11] for file in tmp_path.glob("told/*")} == {"20251122T15", "20251122T17"}


def test_the_oldest_goes_when_there_is_too_much(tmp_path: Path):
    noise = bytes(range(256)) * 40
    made = Archive(tmp_path, bytes_max=40_000)
    for hour in range(40):
        # Random enough not to shrink away.
        body = b"".join(noise[n::7] for n in range(7)) + str(hour).encode()
        made.keep(an_exchange(gzip.compress(body) * 20, at=AT + timedelta(hours=hour)))
    made.close()
    left = list(exchanges(tmp_path))
    assert 0 < len(left) < 40
    assert left[-1].at == AT + timedelta(hours=39)
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*")) <= 40_000


def test_a_file_that_was_cut_off_ends_there_and_a_restart_begins_another(tmp_path: Path):
    for n in range(2):
        made = Archive(tmp_path, bytes_max=2**30)
        made.keep(an_exchange(str(n).encode()))
        made.close()
    first, second = sorted(tmp_path.glob("*/*"))
    first.write_bytes(first.read_bytes() + second.read_bytes()[:20])
    assert sorted(exchange.body for exchange in exchanges(tmp_path)) == [b"0", b"1"]


def test_what_the_disk_refuses_is_counted_and_nobody_waits(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    before = skipped("disk")
    made = Archive(blocked, bytes_max=2**30)
    made.keep(an_exchange())
    made.close()
    assert skipped("disk") == before + 1


def test_what_comes_after_the_end_or_too_fast_is_left_out_and_counted(
    opened: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = skipped("behind")
    monkeypatch.setattr(archive, "WAITING_BYTES_MAX", 10)
    opened.keep(an_exchange(b"x" * 11))
    opened.close()
    opened.keep(an_exchange(b"x"))
    assert skipped("behind") == before + 2
    assert list(exchanges(tmp_path)) == []


def scored(minute: int, home: int) -> bytes:
    """What TheSportsDB says of its one match at a minute, by its own clock."""
    told = json.loads((RECORDINGS / "thesportsdb" / "made_v2_livescore_soccer.json").read_text())
    rows = told["livescore"][:1]
    for row in rows:
        row["intHomeScore"] = str(home)
        row.pop("updated", None)
        row["strProgress"] = str(minute)
    return json.dumps({"livescore": rows}).encode()


def test_an_archive_is_replayed_as_observations_and_as_a_recording(opened: Archive, tmp_path: Path):
    path = "/api/v2/json/livescore/soccer"
    for minute, home in ((10, 1), (11, 2)):
        opened.keep(
            an_exchange(
                scored(minute, home),
                at=KICK_OFF + timedelta(minutes=minute),
                provider="thesportsdb",
                path=path,
            )
        )
    opened.keep(an_exchange(b"{}", provider="betfair"))
    opened.close()
    printed = CliRunner().invoke(main, ["replay", "archive", str(tmp_path)])
    assert printed.exit_code == 0
    told = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [one["score"]["home"] for one in told] == [1, 2]
    assert "1 answers left out" in printed.stderr
    into = tmp_path / "recordings"
    done = CliRunner().invoke(main, ["replay", "archive", str(tmp_path), "--into", str(into)])
    assert "1 matches written" in done.stdout
    loaded = recording.load_folder(into)
    [played] = loaded.recordings
    assert [m.score.home for m in played.moments if m.score is not None] == [1, 2]
