"""A real browser on the real server."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site
from tests.dashboard.toolchain import STATIC

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT = 10_000
expect.set_options(timeout=TIMEOUT)

Serve = Callable[..., Site]
Visit = Callable[..., Page]


def skip(reason: str) -> NoReturn:
    """Skip, or fail where everything must run."""
    if os.environ.get("KIRIBI_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


# of the module, not the session: its event loop would stand in the way of other tests' own
@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        skip("no chromium on this machine: apt-get install chromium")
    if not (STATIC / "index.html").exists():
        skip("the dashboard is not built: make dashboard")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server on an empty database, with the options of `Site`."""
    with contextlib.ExitStack() as running:
        yield lambda **options: running.enter_context(Site(tmp_path / "jobs.db", **options))


@pytest.fixture
def site(serve: Serve) -> Site:
    """A server that lets everybody in."""
    return serve()


@pytest.fixture
def seed(site: Site) -> Seed:
    """Puts jobs into the site's database."""
    return Seed(site.kiribi)


@pytest.fixture
def visit(browser: Browser, serve: object) -> Iterator[Visit]:
    """Opens pages, each in a browser of its own, and closes them before the server is gone.

    `visit(url, expected=(...), **context)`. No page may log an error, except such as contain
    one of the `expected` texts.
    """
    contexts, errors = [], []

    def open_page(url: str, *, expected: tuple[str, ...] = (), **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()

        def heard(text: str) -> None:
            if not any(part in text for part in expected):
                errors.append(text)

        page.on("console", lambda said: heard(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: heard(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
