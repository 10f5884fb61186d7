"""A server of a few lines that answers with its process id, and one that supervises several.

`answering.py supervise PORT COUNT FOLDER` runs as `app api` does; what it starts is this file too.
A file named `broken` in the folder keeps new processes from starting.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from app.supervisor.api_processes import ApiRun, beside, run_api_processes, together


def supervise(port: int, count: int, folder: str) -> None:
    """Supervises so many."""
    listening = beside(together(socket.create_server(("127.0.0.1", port))), count)
    run_api_processes(
        ApiRun(
            command=[sys.executable, __file__, folder],
            environment=os.environ,
            listening=listening,
            graceful_shutdown_s=3,
        )
    )


def answer(folder: Path, listening_fd: int, ready_fd: int) -> None:
    """Answers every caller with its process id, until SIGTERM."""
    if (folder / "broken").exists():
        sys.exit("broken")
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    listening = socket.socket(fileno=listening_fd)
    listening.settimeout(0.02)
    os.write(ready_fd, b"1")
    while not told:  # Whoever was let in is answered first.
        with contextlib.suppress(TimeoutError), listening.accept()[0] as caller:
            caller.sendall(str(os.getpid()).encode())


if __name__ == "__main__":
    if sys.argv[1] == "supervise":
        supervise(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        answer(Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[5]))
