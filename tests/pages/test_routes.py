"""Addresses, caching, and what a browser may load."""

from collections.abc import Generator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from app.pages.files import STATIC, release_of, static_files
from app.pages.routes import RELEASE, page_routes
from app.routes import ERRORS


@pytest.fixture
def client() -> Generator[TestClient[Litestar]]:
    app = Litestar(page_routes, exception_handlers=ERRORS, openapi_config=None)
    with TestClient(app) as client:
        yield client


def get(client: TestClient[Litestar], path: str, **headers: str) -> Any:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return client.get(path, headers=given)


def test_a_page_allows_nothing_inline_and_nothing_from_elsewhere(client: TestClient[Litestar]):
    policy = get(client, "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_only_the_documentation_may_write_styles_inline(client: TestClient[Litestar]):
    assert "'unsafe-inline'" in get(client, "/docs/api").headers["content-security-policy"]
    assert "script-src 'self';" in get(client, "/docs/api").headers["content-security-policy"]
    assert "unsafe" not in get(client, "/matches/1").headers["content-security-policy"]


def test_no_page_has_a_script_or_a_style_of_its_own(client: TestClient[Litestar]):
    for path in ("/", "/matches/1", "/docs/api", "/docs/errors"):
        text = get(client, path).text
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text


def test_a_page_is_asked_for_each_time_and_costs_nothing_when_it_is_the_same(
    client: TestClient[Litestar],
):
    first = get(client, "/")
    assert first.headers["cache-control"] == "no-cache"
    again = get(client, "/", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_of_this_release_is_kept_for_ever(client: TestClient[Litestar]):
    answer = get(client, f"/static/{RELEASE}/follows.js")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_of_another_release_is_served_but_not_kept(client: TestClient[Litestar]):
    answer = get(client, "/static/000000000000/follows.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


def test_every_file_a_page_names_is_there(client: TestClient[Litestar]):
    for path in ("/", "/matches/1", "/docs/api", "/docs/errors"):
        text = get(client, path).text
        named = [part.split('"')[0] for part in text.split('"') if part.startswith("/static/")]
        assert len(named) >= 3
        assert {get(client, name).status_code for name in named} == {200}


@pytest.mark.parametrize("name", ["nothing.js", "../routes.py", "%2e%2e/routes.py", "vendor"])
def test_what_is_not_a_static_file_is_not_found(client: TestClient[Litestar], name: str):
    assert get(client, f"/static/{RELEASE}/{name}").status_code == 404


def test_a_page_of_what_cannot_be_a_match_is_not_found(client: TestClient[Litestar]):
    assert get(client, "/matches/1").status_code == 200
    assert get(client, "/matches/no-number").status_code == 404


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_browsers_get_a_page_of_an_address_that_is_none_of_ours(client: TestClient[Litestar]):
    page = get(client, "/nowhere", accept=BROWSER)
    assert (page.status_code, page.headers["content-type"][:9]) == (404, "text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path, accept in (("/nowhere", "*/*"), ("/api/nowhere", BROWSER)):
        answer = get(client, path, accept=accept)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.post("/nowhere", headers={"accept": BROWSER}).json()["code"] == "not_found"


def test_a_head_request_has_the_headers_and_no_body(client: TestClient[Litestar]):
    answer = client.head("/")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-type"].startswith("text/html")


def test_other_files_make_another_release():
    files = static_files()
    fewer = {name: file for name, file in files.items() if name != "follows.js"}
    assert release_of(files) == RELEASE
    assert release_of(fewer) != RELEASE


def test_whoever_made_what_we_serve_is_named_beside_it():
    for folder in (STATIC / "vendor").iterdir():
        if folder.is_dir():
            assert (folder / "LICENSE").stat().st_size > 500, folder
