"""No view reads more than its window, whatever the past: by D1's own count of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard import history
from tests.dashboard.conftest import Visit
from tests.dashboard.metered import MeteredSite, Overheard
from tests.dashboard.seed import Seed
from tests.workers.d1 import d1_worker, databases
from tests.workers.require import require

from kiribi import Every
from kiribi.search import WINDOW

JOBS = 101_000
WAITING = 9_000
"""Fewer than a window, so that a search reads them all."""
FAILING = 4
"""One in so many: far more than a window."""
MOST = WINDOW + 1

SEARCHES = [
    "",
    "status:FAILED",
    "status:PENDING",
    "status:COMPLETED",
    "status:FAILED binding:SEND_MAIL",
    "status:FAILED error:answer",
    "status:FAILED error:nowhere",
    "status:FAILED payload.user.id:-1",
    "status:PENDING payload.user.id:-1",
    "payload.user.id:-1",
    "error:answer",
    "error:nowhere",
    "status:PROCESSING payload.user.id:-1",
    "reason:crashed",
    "fingerprint:0123456789abcdef",
    "after:1h",
    "before:7d",
]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeteredSite]:
    """A dashboard on D1 with a past, and a few jobs in every state."""
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
        MeteredSite(next(several)) as site,
    ):
        now = site.run(site.kiribi.store.now_ms)
        site.fill(history.statements(JOBS, now, waiting=WAITING, failing=FAILING))
        seed = Seed(site.kiribi)
        site.run(seed.some_of_each)
        site.run(site.kiribi.schedules.create, "digest", "SEND_MAIL", Every(3600))
        site.run(site.kiribi.start_action, "retry", {"error": "nowhere"})
        yield site


def look_around(page: Page, site: MeteredSite) -> None:
    """Every page, and what each asks where somebody unfolds or begins something."""
    shown = page.locator("#main :is(tbody tr, .rows li, .attempts, .empty)").first
    for path in ("", "jobs", "failures", "bindings", "bindings/SEND_MAIL", "workers", "actions"):
        page.goto(site.url + path)
        expect(shown).to_be_visible()
        page.wait_for_load_state("networkidle")
    page.goto(f"{site.url}failures")
    page.get_by_role("button", name="Traceback").first.click()
    expect(page.locator("tr.trace pre")).to_be_visible()
    page.goto(f"{site.url}schedules")
    page.locator("summary").first.click()
    expect(page.locator(".times li")).to_have_count(5)
    for status in ("FAILED", "PROCESSING", "PENDING"):
        page.goto(f"{site.url}jobs/{site.run(site.one, status)}")
        expect(page.locator("h1 + .status")).to_be_visible()
        page.wait_for_load_state("networkidle")


def search(page: Page, site: MeteredSite, text: str) -> None:
    """Search for it in the list of jobs."""
    page.goto(f"{site.url}jobs?q={text}")
    expect(page.locator("#main :is(table.jobs tbody tr, .empty)").first).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_no_request_of_any_page_reads_more_than_a_window(past: MeteredSite, visit: Visit) -> None:
    page = visit("about:blank")
    heard = Overheard(page)
    look_around(page, past)
    for text in SEARCHES:
        search(page, past, text)
    page.close()
    assert {asked.method for asked in heard.asked} <= {"GET", "POST"}
    assert len([asked for asked in heard.asked if asked.path == "search"]) >= len(SEARCHES)
    rows = {asked: past.rows_read(asked) for asked in heard.asked}
    assert {asked: read for asked, read in rows.items() if read > MOST} == {}
    assert max(rows.values()) > MOST / 2, "the worst case is among them"
