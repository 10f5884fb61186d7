"""Commands work where `app up` runs in this folder, unless they are told otherwise."""

from pathlib import Path

import pytest

from app.commands.place import settings_of_run
from app.supervisor.stadium import PROVIDERS

URL = "http://127.0.0.1:8090/thesportsdb"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a stadium is open."""
    for name in ("PROVIDERS", "DATABASE_URL", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    stadium = tmp_path / ".run" / "stadium"
    stadium.mkdir(parents=True)
    (stadium / "stadium.env").write_text(f"THESPORTSDB_URL={URL}\n")
    return tmp_path


def test_who_asks_beside_a_run_asks_its_stadium(here: Path):
    asked = settings_of_run()
    assert asked.worker.providers == PROVIDERS
    assert asked.providers.thesportsdb.url == URL
    (here / ".run" / "stadium" / "stadium.env").unlink()
    assert settings_of_run().worker.providers == "replay"


def test_who_names_providers_asks_those(here: Path):
    (here / ".env").write_text("PROVIDERS=odds-api\n")
    asked = settings_of_run()
    assert asked.worker.providers == "odds-api"
    assert asked.providers.thesportsdb.url != URL


@pytest.mark.usefixtures("here")
def test_matches_of_the_stadium_are_never_written_to_another_database(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:password@db/real")
    assert settings_of_run().worker.providers == "replay"
