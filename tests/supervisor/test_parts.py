"""A watched part is started again, soon at first and then less often."""

import sys
import time
from pathlib import Path

from app.supervisor import parts
from app.supervisor.parts import Child, Watch


def a_child(folder: Path, code: str) -> Child:
    """Returns a child that runs a piece of Python."""
    return Child("thing", [sys.executable, "-c", code], environment={}, log=folder / "thing.log")


def ended(child: Child) -> None:
    """Waits for the child's end."""
    while child.exit_code is None:
        time.sleep(0.005)


def news_of(watch: Watch) -> str:
    """Looks until there is something to tell."""
    while not (news := watch.look()):
        time.sleep(0.005)
    return news


def test_who_dies_at_once_is_started_again_less_and_less_often(tmp_path: Path):
    child = a_child(tmp_path, "print('my last words')")
    child.launch()
    watch = Watch(child)
    told = [news_of(watch) for _ in range(3)]
    assert told[0] == "thing ended; starting it again in 0.1 s\nmy last words"
    assert told[1:] == [
        "thing ended; starting it again in 0.2 s",
        "thing ended; starting it again in 0.4 s",
    ]
    child.stop_by(0)


def test_who_runs_is_left_alone(tmp_path: Path):
    child = a_child(tmp_path, "import time; time.sleep(600)")
    child.launch()
    before = child.pid
    assert Watch(child).look() == ""
    assert child.pid == before
    child.stop_by(0)
    assert child.pid is None


def test_what_cannot_be_started_is_told_and_tried_again(tmp_path: Path):
    class Broken:
        name = "broken"
        log = tmp_path / "broken.log"
        pid = None
        launches = 0

        def launch(self) -> None:
            self.launches += 1
            raise OSError("no room")

    broken = Broken()
    watch = Watch(broken)
    assert news_of(watch) == "broken ended; starting it again in 0.1 s"
    assert news_of(watch) == "broken does not start: no room"
    assert news_of(watch) == "broken ended; starting it again in 0.2 s"
    assert broken.launches == 1


def test_a_log_that_grows_too_long_is_emptied(tmp_path: Path):
    child = a_child(tmp_path, "import time; time.sleep(600)")
    child.launch()
    with child.log.open("r+b") as log:
        log.truncate(parts.LOG_BYTES_MAX + 1)  # A hole: it takes no room.
    Watch(child).look()
    assert child.log.stat().st_size == 0
    child.stop_by(0)
