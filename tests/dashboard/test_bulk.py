"""What is done to many: all that match, a whole cause, and the record of it."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import Every, JobError, JobStatus
from kiribi.job import new_id
from kiribi.ports import NewJob


def put(site: Site, number: int) -> None:
    """So many waiting jobs."""

    async def insert() -> None:
        await site.kiribi.store.insert([NewJob(new_id(), "A", "{}") for _ in range(number)])
        site.kiribi.queue.ring()

    site.run(insert)


def carry_out(site: Site, page: Page) -> None:
    """A supervisor's tick, and the row that shows the end."""
    site.run(site.kiribi.tick)
    expect(page.locator("tbody tr").first).to_contain_text("Done")


def count(site: Site, status: JobStatus) -> int:
    return site.run(site.kiribi.count, {"status": status}).value


def test_all_that_match_are_deleted_by_who_types_how_many(
    site: Site, seed: Seed, visit: Visit
) -> None:
    put(site, 120)
    page = visit(f"{site.url}jobs?q=status:PENDING")
    expect(page.locator("table.jobs tbody tr")).to_have_count(50)
    page.get_by_role("checkbox", name="Select all shown").check()
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar).to_contain_text("50 selected")
    bar.get_by_role("button", name="Select all that match").click()
    expect(bar).to_contain_text("All that match")
    bar.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 120 jobs?")
    delete = dialog.get_by_role("button", name="Delete")
    expect(dialog).to_contain_text("status:PENDING")
    expect(delete).to_be_disabled()
    field = dialog.get_by_label("Type 120 to go on")
    field.fill("12")
    expect(delete).to_be_disabled()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert count(site, JobStatus.PENDING) == 120
    field.fill("120")
    delete.click()
    page.locator(".notice").get_by_role("link", name="Actions").click()
    expect(page.locator("tbody tr")).to_contain_text("status: PENDING")
    carry_out(site, page)
    expect(page.locator("tbody tr .done")).to_contain_text("120 / 120")
    assert count(site, JobStatus.PENDING) == 0


def test_what_is_kept_stays(site: Site, seed: Seed, visit: Visit) -> None:
    put(site, 60)
    page = visit(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(50)
    page.get_by_role("checkbox", name="Select all shown").check()
    page.get_by_role("button", name="Select all that match").click()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Cancel 60 jobs?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert site.run(site.kiribi.actions) == []
    page.get_by_role("row").nth(1).get_by_role("checkbox").uncheck()
    expect(page.get_by_role("region", name="Selected jobs")).to_contain_text("49 selected")


def test_failures_by_cause_and_retry_of_one(site: Site, seed: Seed, visit: Visit) -> None:
    refused = [site.run(seed.failed, payload={"n": n}) for n in range(3)]
    other = site.run(seed.failed, error=JobError("ValueError", "no address"))
    page = visit(f"{site.url}failures")
    rows = page.get_by_role("table", name="Failures").locator("tbody tr")
    expect(rows).to_have_count(2)
    cause = rows.filter(has_text="ConnectionRefusedError")
    expect(cause.locator(".count")).to_contain_text("3")
    cause.get_by_role("link").first.click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(3)
    page.go_back()
    cause.get_by_role("link", name="the last one").click()
    expect(page).to_have_url(f"{site.url}jobs/{refused[-1]}")
    page.go_back()
    cause.get_by_role("link").first.focus()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Retry 3 jobs?")
    expect(dialog).to_contain_text("SEND_MAIL: ConnectionRefusedError")
    dialog.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("It has begun")).to_be_visible()
    page.goto(f"{site.url}actions")
    carry_out(site, page)
    assert [site.run(seed.status, id) for id in refused] == [JobStatus.PENDING] * 3
    assert site.run(seed.status, other) is JobStatus.FAILED


def test_delete_a_cause(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit(f"{site.url}failures")
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog", name="Delete 1 job?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("It has begun")).to_be_visible()
    site.run(site.kiribi.tick)
    assert count(site, JobStatus.FAILED) == 0


def test_an_action_is_aborted(site: Site, seed: Seed, visit: Visit) -> None:
    put(site, 3)
    site.run(site.kiribi.start_action, "cancel", {"binding": "A"}, who="ada")
    page = visit(f"{site.url}actions")
    row = page.get_by_role("table", name="Actions").locator("tbody tr")
    expect(row).to_contain_text("Cancel binding: A")
    expect(row).to_contain_text("ada")
    row.get_by_role("button", name="Abort").click()
    expect(row.locator(".state")).to_have_text("Aborted")
    expect(row.get_by_role("button")).to_have_count(0)
    site.run(site.kiribi.tick)
    assert count(site, JobStatus.PENDING) == 3


def test_nothing_yet(site: Site, visit: Visit) -> None:
    page = visit(f"{site.url}actions")
    expect(page.get_by_role("heading", name="No bulk action yet")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", name="Nothing has failed.")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="No schedule yet")).to_be_visible()


def test_read_only_offers_nothing(serve: Serve, visit: Visit) -> None:
    site = serve(read_only=True)
    site.run(Seed(site.kiribi).failed)
    site.run(site.kiribi.schedules.create, "digest", "SEND_MAIL", Every(3600))
    site.run(site.kiribi.start_action, "retry", {})
    page = visit(site.url)
    for path in ("failures", "actions", "schedules", "bindings"):
        page.goto(site.url + path)
        expect(page.locator("table.list tbody tr").first).to_be_visible()
        expect(page.locator("#main .button")).to_have_count(0)


def test_where_a_cause_lies_is_shown_at_once(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed, attempts=2)
    site.run(seed.failed)
    page = visit(f"{site.url}failures")
    unfold = page.get_by_role("button", name="Traceback")
    expect(unfold).to_have_attribute("aria-expanded", "false")
    unfold.click()
    expect(page.locator("tr.trace pre")).to_contain_text('File "app/smtp.py", line 88')
    expect(unfold).to_have_attribute("aria-expanded", "true")
    when = page.get_by_role("img", name="When they failed: 2 of the latest")
    expect(when.locator("rect")).to_have_count(1)
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(fits), width
    # j and k go from cause to cause
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tbody tr").first.locator(":focus")).to_have_count(1)
    unfold.click()
    expect(page.locator("tr.trace")).to_have_count(0)
