"""The Schedules page: recurring jobs."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.dashboard.conftest import Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import Cron, Every


def test_when_each_runs_and_what_can_be_done(site: Site, seed: Seed, visit: Visit) -> None:
    async def some() -> None:
        create = site.kiribi.schedules.create
        await seed.worker()
        await create("report", "SEND_MAIL", Cron("0 9 * * 1-5", tz="Asia/Tokyo"))
        await create("probe", "INDEX_SOURCE", Every(90))

    site.run(some)
    page = visit(f"{site.url}schedules")
    rows = page.get_by_role("table", name="Schedules").locator("tbody tr")
    expect(rows).to_have_count(2)
    report = page.locator('tr[data-name="report"]')
    expect(report.locator(".when")).to_contain_text("Weekdays at 09:00")
    expect(report.locator(".when")).to_contain_text("0 9 * * 1-5 Asia/Tokyo")
    expect(page.locator('tr[data-name="probe"] .when')).to_have_text("Every 1m 30s")
    report.locator("summary").click()
    expect(report.locator(".times li")).to_have_count(5)
    report.get_by_role("button", name="Run now").click()
    expect(report.locator(".lastjob")).to_contain_text("Pending")
    report.get_by_role("button", name="Pause").click()
    expect(report.locator(".state")).to_contain_text("Paused")
    expect(report.locator(".next")).to_contain_text("–")
    report.get_by_role("link", name="SEND_MAIL").focus()
    page.keyboard.press("p")
    expect(report.locator(".state")).to_contain_text("Active")
    report.locator(".lastjob a").click()
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_focused()
