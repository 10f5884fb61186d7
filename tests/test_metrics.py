"""Processes that serve one port tell of one another's numbers."""

import os
import subprocess
import sys
from pathlib import Path

from app import metrics

_COUNTS = """
import os, sys
from app import metrics
metrics.rate_limited.labels("free").inc(int(sys.argv[1]))
metrics.hub_matches.set(int(sys.argv[1]))
metrics.hub_lag_seconds.observe(0.001)
print(os.getpid())
"""
_TELLS = """
import sys
from app import metrics
sys.stdout.buffer.write(metrics.told())
"""


def run(program: str, folder: Path, *words: str) -> str:
    """Runs a process whose numbers are told with those of the others; returns what it says."""
    environment = {**os.environ, metrics.TOGETHER: str(folder)}
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_any_of_several_processes_tells_the_numbers_of_all(tmp_path: Path):
    first, second = (int(run(_COUNTS, tmp_path, words)) for words in ("2", "3"))
    told = run(_TELLS, tmp_path)
    assert 'touchline_rate_limited_total{tier="free"} 5.0' in told
    assert "touchline_hub_lag_seconds_count 2.0" in told
    for pid, matches in ((first, 2), (second, 3)):
        assert f'touchline_hub_matches{{pid="{pid}"}} {matches}.0' in told
    # What a process counted stays when it ends; what it had, nobody has any more.
    metrics.forget_process(str(tmp_path), first)
    told = run(_TELLS, tmp_path)
    assert 'touchline_rate_limited_total{tier="free"} 5.0' in told
    assert f'pid="{first}"' not in told
    assert f'touchline_hub_matches{{pid="{second}"}} 3.0' in told


def test_one_process_alone_tells_its_own():
    metrics.rate_limited.labels("alone").inc()
    assert b'touchline_rate_limited_total{tier="alone"} 1.0' in metrics.told()
    metrics.forget_process(None, 1)
