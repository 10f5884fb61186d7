"""The compose file and the Dockerfile keep what they promise, as far as reading them can tell."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import every_setting

PROJECT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Files are mounted, not said; addresses of other hosts are for tests and stadiums.
NOT_PASSED = re.compile(
    r"_(FILE|FOLDER)$|^PROVIDERS_|^ARCHIVE_|_PER_MINUTE$|^(?!API_FOOTBALL).*_URL$"
)
SECRETS = ("JWT_SECRET", "POSTGRES_PASSWORD", "PUSHER_APP_SECRET", "VALKEY_PASSWORD")


def test_everything_that_runs_is_there():
    assert set(SERVICES) == {"postgres", "valkey", "migrate", "api", "worker", "relay"}
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["valkey"]["image"] == "valkey/valkey:9"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_writes_to_its_image(name: str):
    service = SERVICES[name]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_whatever_stays_up_is_asked_whether_it_is_well(name: str):
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_the_processes_wait_for_the_migrations():
    for name in ("api", "worker", "relay"):
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["valkey"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_default(secret: str):
    uses = re.findall(rf"\$\{{{secret}[^}}]*}}", (PROJECT / "docker-compose.yml").read_text())
    assert uses
    assert all(use.startswith(f"${{{secret}:?") for use in uses)


def test_what_a_provider_needs_is_passed_through_and_nothing_is_asked_without_it():
    environment: dict[str, str] = COMPOSE["x-touchline"]["environment"]
    assert environment["PROVIDERS"] == "${PROVIDERS:-replay}"
    needed = [s.name for s in every_setting() if s.path[0] == "providers"]
    for name in [name for name in needed if not NOT_PASSED.search(name)]:
        assert environment[name] == f"${{{name}:-}}"


def test_only_the_api_is_published_and_only_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:${PORT:-8000}:8000"]}


def test_the_image_is_built_from_hashes_and_runs_as_nobody_in_particular():
    last_stage = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    installs = re.findall(r"pip install (.+?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    assert all("--require-hashes" in text or "--no-index" in text for text in installs)


def test_everything_the_image_copies_passes_dockerignore():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = {
        word.replace("app.lock", "*.lock").replace("build.lock", "*.lock")
        for line in copied
        for word in line.split()
    }
    let_in = {
        line[1:]
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert names <= let_in
    assert all(list(PROJECT.glob(name)) for name in names)
