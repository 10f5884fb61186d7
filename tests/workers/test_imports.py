"""A worker loads what it uses."""

import subprocess
import sys


def test_a_worker_loads_neither_the_web_framework_nor_the_mapper():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, workers.main; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    assert not {"litestar", "uvicorn", "sqlalchemy"} & set(loaded)
