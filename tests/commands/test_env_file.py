"""`.env` and `.env.example`."""

from pathlib import Path

from app import settings
from app.commands.env_file import example, read_env_file

PROJECT = Path(__file__).parents[2]


def test_the_example_in_the_repository_is_the_printed_one():
    assert (PROJECT / ".env.example").read_text() == example()


def test_the_example_as_it_stands_changes_nothing(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text(example())
    assert read_env_file(file) == {}


def test_every_line_of_the_example_can_be_switched_on(tmp_path: Path):
    file = tmp_path / ".env"
    lines = (line.removeprefix("#") if "=" in line else line for line in example().splitlines())
    file.write_text("\n".join(lines))
    read = read_env_file(file)
    assert set(read) == {found.name for found in settings.every_setting()}
    assert settings.load(read) == settings.Settings()


def test_lines_are_read_as_docker_compose_reads_them(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text(
        "# PORT=1\nPORT=8001\n\nexport LOG_LEVEL = 'debug'\nREDIS_URL=\"redis://x/0?a=b\"\n?\n"
    )
    assert read_env_file(file) == {
        "PORT": "8001",
        "LOG_LEVEL": "debug",
        "REDIS_URL": "redis://x/0?a=b",
    }
    assert read_env_file(tmp_path / "absent") == {}
