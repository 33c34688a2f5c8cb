"""The dashboard's files: at any prefix, and from the moment they are built."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.integration.conftest import Serve

from kiribi import Kiribi
from kiribi.web import app as web
from kiribi.web import pages

PAGE = '<!doctype html><html><head><base href="/" /></head><body>dashboard</body></html>'


def build(static: Path) -> None:
    """As hatch_build.py does it, index.html last."""
    (static / "assets").mkdir(parents=True)
    (static / "assets" / "index-D4YsPw_5.js").write_text("script")
    (static / "icon.svg").write_text("<svg/>")
    (static / "index.html").write_text(PAGE)


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the built dashboard belongs; nothing is built yet."""
    folder = tmp_path / "static"
    monkeypatch.setattr(web, "Pages", lambda: pages.Pages(folder))
    return folder


def asked(tmp_path: Path, *requests: tuple[str, str], prefix: str = "") -> list[httpx.Response]:
    """The answers to (method, path) of an application mounted at `prefix`."""

    async def ask() -> list[httpx.Response]:
        async with client(tmp_path, prefix) as asking:
            return [await asking.request(method, path) for method, path in requests]

    return asyncio.run(ask())


@asynccontextmanager
async def client(tmp_path: Path, prefix: str) -> AsyncIterator[httpx.AsyncClient]:
    async with Kiribi.connect(f"sqlite:///{tmp_path}/jobs.db") as kiribi:
        app: Any = web.create_app(kiribi)
        if prefix:
            app = Starlette(routes=[Mount(prefix, app)])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            yield asking


def one(tmp_path: Path, path: str, *, method: str = "GET", prefix: str = "") -> httpx.Response:
    return asked(tmp_path, (method, path), prefix=prefix)[0]


def test_the_page_appears_as_soon_as_it_is_built(tmp_path: Path, static: Path) -> None:
    async def built_meanwhile() -> tuple[httpx.Response, httpx.Response]:
        async with client(tmp_path, "") as asking:
            before = await asking.get("/")
            build(static)
            return before, await asking.get("/")

    before, after = asyncio.run(built_meanwhile())
    assert before.status_code == 503
    assert "make dashboard" in before.text
    assert 'http-equiv="refresh"' in before.text
    assert (after.status_code, after.text) == (200, PAGE)
    assert after.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/index.html", "/jobs", "/jobs/018f-x", "/a/b/c?x=1"])
@pytest.mark.parametrize(
    ("prefix", "base"), [("", "/"), ("/kiribi", "/kiribi/"), ("/a/b", "/a/b/")]
)
def test_every_path_is_the_page_with_the_base_of_its_prefix(
    tmp_path: Path, static: Path, path: str, prefix: str, base: str
) -> None:
    build(static)
    answer = one(tmp_path, prefix + path, prefix=prefix)
    assert answer.status_code == 200
    assert f'<base href="{base}" />' in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("prefix", ["", "/kiribi"])
def test_files(tmp_path: Path, static: Path, prefix: str) -> None:
    build(static)
    script, icon, missing, head = asked(
        tmp_path,
        ("GET", f"{prefix}/assets/index-D4YsPw_5.js"),
        ("GET", f"{prefix}/icon.svg"),
        ("GET", f"{prefix}/assets/index-gone.js"),
        ("HEAD", f"{prefix}/assets/index-D4YsPw_5.js"),
        prefix=prefix,
    )
    assert script.text == "script"
    assert "javascript" in script.headers["content-type"]
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert icon.headers["cache-control"] == "no-cache"
    assert "etag" in icon.headers
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("prefix", ["", "/kiribi"])
def test_the_api_works_below_a_prefix(tmp_path: Path, static: Path, prefix: str) -> None:
    me, document = asked(
        tmp_path,
        ("GET", f"{prefix}/api/me"),
        ("GET", f"{prefix}/api/openapi.json"),
        prefix=prefix,
    )
    assert me.status_code == 200
    assert document.json().get("servers", [{"url": ""}])[0]["url"] == prefix


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/me/", "/api/jobs/x/y/z", "/api/docs"]
)
def test_what_is_no_route_of_the_api_is_404_in_json(
    tmp_path: Path, serve: Serve, path: str
) -> None:
    with serve(tmp_path / "jobs.db") as served:
        answer = served.client.get(path[1:])
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/me", "GET"),
        ("PUT", "/api/enqueue", "POST"),
        ("PUT", "/api/jobs/x", "DELETE, GET"),
        ("GET", "/api/jobs/x/cancel", "PATCH"),
        ("PUT", "/api/jobs/delete", "DELETE"),
    ],
)
def test_other_methods_are_405(
    tmp_path: Path, serve: Serve, method: str, path: str, allow: str
) -> None:
    with serve(tmp_path / "jobs.db") as served:
        answer = served.client.request(method, path[1:])
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_pages_are_only_read(tmp_path: Path, static: Path) -> None:
    build(static)
    answer = one(tmp_path, "/", method="POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/../jobs.db",
        "/%2e%2e/jobs.db",
        "/..%2fjobs.db",
        "/assets/../../jobs.db",
        "/assets/%2e%2e%2f%2e%2e%2fjobs.db",
        "//etc/passwd",
        "/%00",
        "/icon.svg%00",
        "/" + "a" * 5000,
        "/%ff%fe",
        "/assets",
    ],
)
def test_nothing_outside_of_the_folder_is_served(tmp_path: Path, static: Path, path: str) -> None:
    build(static)
    answer = one(tmp_path, path)
    assert answer.status_code in (200, 404)
    assert "SQLite" not in answer.text
    if answer.status_code == 200:
        assert answer.text == PAGE


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, static: Path) -> None:
    build(static)
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert one(tmp_path, "/link.txt").text == PAGE


def test_a_prefix_is_no_way_to_write_html(tmp_path: Path, static: Path) -> None:
    build(static)
    scope: Callable[[str], dict[str, Any]] = lambda root: {  # noqa: E731
        "type": "http",
        "method": "GET",
        "path": f"{root}/",
        "root_path": root,
        "headers": [],
        "query_string": b"",
    }
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        await pages.Pages(static)(scope('/"><script>'), receive, send)

    asyncio.run(ask())
    assert b"<script>" not in sent[1]["body"]
