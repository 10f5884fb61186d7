"""What is kept in `.run/`: private, whole, and made once."""

import json
from pathlib import Path

from app.supervisor import stack_file
from app.supervisor.demo import LogIn, keep_demo_users, keep_secret, read_demo_users, write_private


def test_demo_users_are_made_up_once(tmp_path: Path):
    first = read_demo_users(keep_demo_users(tmp_path))
    assert first is not None
    assert first.user.password != first.operator.password
    assert read_demo_users(keep_demo_users(tmp_path)) == first


def test_a_broken_file_is_made_anew(tmp_path: Path):
    (tmp_path / "demo-users.json").write_text('{"user":')
    assert read_demo_users(keep_demo_users(tmp_path)) is not None


def test_a_secret_is_long_private_and_kept(tmp_path: Path):
    file = tmp_path / "secret"
    first = keep_secret(file)
    assert len(first) >= 32
    assert keep_secret(file) == first
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_a_crash_left_beside_it_is_no_hindrance(tmp_path: Path):
    (tmp_path / "file.new").write_text("half")
    write_private(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert not (tmp_path / "file.new").exists()


def test_scripts_find_exactly_the_keys_they_were_promised(tmp_path: Path):
    log_in = LogIn(email="a@b.example", password="p")
    stack_file.write(
        tmp_path,
        stack_file.StackFile(
            url="http://x", user=log_in, operator=log_in, database_url="d", redis_url="r"
        ),
    )
    assert json.loads((tmp_path / "stack.json").read_text()) == {
        "url": "http://x",
        "user": {"email": "a@b.example", "password": "p"},
        "operator": {"email": "a@b.example", "password": "p"},
        "databaseUrl": "d",
        "redisUrl": "r",
    }
    assert stack_file.read_database_url(tmp_path) == "d"
    stack_file.remove(tmp_path)
    assert stack_file.read_database_url(tmp_path) == ""
