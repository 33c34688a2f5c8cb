"""The Overview: is everything well, and if not, where to look."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from tests.dashboard import history
from tests.dashboard.conftest import Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import Every, JobError, JobStatus


def attention(page: Page):
    return page.locator(".attention li")


def test_the_first_job_turns_the_page_live(site: Site, seed: Seed, visit: Visit) -> None:
    page = visit(site.url)
    expect(page.get_by_role("heading", name="No job yet")).to_be_visible()
    expect(page.get_by_text("await kiribi.enqueue(")).to_be_visible()
    expect(page.get_by_text("Listening")).to_be_visible()
    site.run(seed.pending)
    expect(page.get_by_role("heading", name="No job yet")).to_be_hidden()
    expect(page.get_by_role("link", name="Pending 1")).to_be_visible()
    expect(page.get_by_role("img", name="Throughput: 0 completed, 1 enqueued")).to_be_visible()


def test_what_is_well_says_so(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.worker)
    site.run(seed.processing, "INDEX_SOURCE", fraction=0.4)
    page = visit(site.url)
    expect(page.locator(".verdict")).to_contain_text("Healthy, 1 job is running")
    expect(page).to_have_title("Overview · Kiribi")
    expect(page.get_by_text("Nothing is stuck, paused or unserved.")).to_be_visible()
    running = page.locator(".joblines").filter(has_text="Running now")
    expect(running.get_by_role("listitem")).to_contain_text("48 of 120 files")
    expect(page.get_by_text("Nothing has failed.")).to_be_visible()


def test_what_no_worker_serves_comes_first(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.worker)
    id = site.run(seed.pending, "BILLING")
    page = visit(site.url)
    says = "1 job waits on BILLING and no worker serves it"
    expect(page.locator(".verdict strong")).to_have_text(says)
    expect(attention(page).first).to_have_text(says)
    expect(attention(page).last).to_contain_text("The oldest due job has waited")
    attention(page).last.get_by_role("link").click()
    expect(page).to_have_url(f"{site.url}jobs/{id}")
    page.go_back()
    attention(page).first.get_by_role("link").click()
    expect(page.locator(f'tr[data-id="{id}"]')).to_be_visible()


def test_a_paused_binding_is_resumed_where_it_shows(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.worker)
    site.run(seed.pending)
    site.run(site.kiribi.pause, "SEND_MAIL")
    page = visit(site.url)
    expect(attention(page)).to_contain_text("SEND_MAIL is paused, 1 job waits")
    attention(page).get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Resumed SEND_MAIL.")).to_be_visible()
    expect(page.get_by_text("is paused")).to_be_hidden()
    assert site.run(site.kiribi.pulse).paused == ()


def test_jobs_of_a_lost_worker_are_taken_back(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.lost)
    page = visit(site.url)
    expect(attention(page)).to_contain_text("1 job runs on a worker that was lost")
    page.get_by_role("button", name="Take back now").click()
    expect(page.get_by_text("Took back 1 job.")).to_be_visible()
    expect(page.get_by_text("on a worker that was lost")).to_be_hidden()
    assert site.run(seed.status, id) is not JobStatus.PROCESSING


def test_charts_of_an_hour_a_day_a_week(site: Site, visit: Visit) -> None:
    history.fill(site.database, 3_000, site.run(site.kiribi.store.now_ms))
    page = visit(site.url)
    charts = page.locator(".chart")
    expect(charts).to_have_count(3)
    expect(charts.locator(".plot svg")).to_have_count(3)
    summary = charts.first.locator("figcaption span")

    def completed() -> int:
        found = re.match(r"([\d,]+) completed", summary.inner_text())
        assert found
        return int(found[1].replace(",", ""))

    day = completed()
    with page.expect_response("**/api/stats?hours=168"):
        page.get_by_role("radio", name="7 d").check()
    expect(summary).to_have_text(re.compile(r"2,9\d\d completed"))
    expect(charts.last).to_contain_text("of the attempts, 2%")
    with page.expect_response("**/api/stats?hours=1"):
        page.get_by_role("radio", name="1 h").check()
    expect(summary).not_to_have_text(re.compile(r"2,9\d\d completed"))
    assert 0 < completed() < day
    page.reload()
    expect(page.get_by_role("radio", name="1 h")).to_be_checked()


def test_counts_and_lists_lead_to_the_jobs(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(site.url)
    failed = page.locator(".joblines").filter(has_text="Latest failed")
    expect(failed.get_by_role("listitem")).to_have_count(3)
    failed.get_by_role("link", name="See all").click()
    expect(page).to_have_url(f"{site.url}jobs?q=status:FAILED")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(site.url)
    expect(failed.get_by_role("listitem")).to_have_count(3)
    page.keyboard.press("j")
    expect(page.locator(".attention a:focus")).to_have_count(1)
    failed.get_by_role("listitem").first.get_by_role("link").focus()
    page.keyboard.press("j")
    expect(failed.get_by_role("listitem").nth(1).locator("a:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("h1 + .status")).to_be_visible()


def test_what_fails_again_and_again_is_named(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed, attempts=3)
    site.run(seed.failed, "RESIZE_IMAGE", error=JobError("ValueError", "not an image"))
    page = visit(site.url)
    named = page.locator(".attention").get_by_role("link", name="attempts failed")
    expect(named).to_have_text(
        ["SEND_MAIL: 3 attempts failed with ConnectionRefusedError in the last hour"]
    )
    named.click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)


def test_the_arrow_keys_read_a_chart(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.completed)
    site.run(seed.completed)
    page = visit(site.url)
    chart = page.get_by_role("img", name="Throughput: 2 completed")
    chart.focus()
    legend = page.locator(".legend").first
    expect(legend.locator("b")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(legend.locator("b")).to_have_text(["2", "2"])
    expect(page.locator("p[aria-live=polite]")).to_contain_text("completed 2, enqueued 2")
    page.keyboard.press("ArrowLeft")
    expect(legend.locator("b")).to_have_text(["0", "0"])
    chart.hover(position={"x": 60, "y": 80})
    expect(page.locator(".plot .pointer")).to_have_count(1)
    page.mouse.move(5, 5)
    page.keyboard.press("Tab")
    expect(legend.locator("b")).to_have_count(0)


def test_what_the_schedules_run_next(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.completed)
    site.run(site.kiribi.schedules.create, "yearly", "SEND_MAIL", Every(365 * 86_400))
    site.run(site.kiribi.schedules.create, "daily", "SEND_MAIL", Every(86_400))
    page = visit(site.url)
    expect(page.locator(".nextdue a")).to_have_text(["daily", "yearly"])
    page.locator(".nextdue a").first.click()
    expect(page).to_have_url(f"{site.url}schedules")
