"""The Jobs page: find, look through, act."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from playwright.sync_api import Page, expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import JobStatus, Performer
from kiribi.job import new_id
from kiribi.ports import NewJob


@dataclass
class Mail:
    """A payload with a schema."""

    to: list[str]
    draft: bool = False


class Mailing(Performer):
    """Takes a typed payload."""

    max_attempts = 9

    async def perform(self, payload: Mail) -> None:
        """Nothing."""


def rows(page: Page):
    return page.locator("table.jobs tbody tr")


def row(page: Page, id: str):
    return page.locator(f'tr[data-id="{id}"]')


def order(page: Page) -> list[str | None]:
    return [each.get_attribute("data-id") for each in rows(page).all()]


def test_the_list_shows_every_state(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(11)
    expect(page.get_by_role("link", name="Failed 3")).to_be_visible()
    running = rows(page).filter(has_text="Processing")
    expect(running).to_contain_text("40%")
    expect(running).to_contain_text("48 of 120 files")
    failed = rows(page).filter(has_text="ValueError")
    expect(failed).to_contain_text("not an image")
    expect(failed).to_contain_text('key: "a.jpg"')
    expect(page).to_have_title("Jobs · Kiribi")


def test_a_count_filters_and_the_address_keeps_it(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    page.get_by_role("link", name="Failed 3").click()
    expect(rows(page)).to_have_count(3)
    expect(page).to_have_url(f"{site.url}jobs?q=status:FAILED")
    page.reload()
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("link", name="Failed 3")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(rows(page)).to_have_count(11)


def test_search_by_keyboard_with_completion(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(11)
    page.keyboard.press("/")
    page.keyboard.type("bin")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox")).to_have_value("binding:")
    page.keyboard.type("send")
    expect(page.get_by_role("option")).to_have_text(["binding:SEND_MAIL"])
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(4)
    page.keyboard.type("payload.user.id:42 ")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("ada@example.com")
    expect(page).to_have_url(f"{site.url}jobs?q=binding:SEND_MAIL+payload.user.id:42")
    page.get_by_role("button", name="Remove payload.user.id:42").click()
    expect(rows(page)).to_have_count(4)


def test_plain_words_look_into_errors(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    page.get_by_role("combobox").fill("not an image")
    page.get_by_role("combobox").press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(page.locator(".chip")).to_have_text("error:not an image")


def test_a_filter_nobody_knows_says_so_and_is_not_applied(
    site: Site, seed: Seed, visit: Visit
) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs?q=stauts:FAILED")
    expect(rows(page)).to_have_count(11)
    expect(page.get_by_text("Unknown filter, not applied.")).to_be_visible()


def test_nothing_found_leads_back(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs?q=binding:NOBODY")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    page.get_by_role("link", name="Show all jobs").click()
    expect(rows(page)).to_have_count(11)


def test_new_jobs_wait_and_nothing_jumps(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(11)
    before = order(page)
    waiting = rows(page).first.get_attribute("data-id") or ""
    new = [site.run(seed.pending) for _ in range(2)]
    site.run(seed.claim, waiting)
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    expect(row(page, waiting)).to_contain_text("Processing")
    assert order(page) == before
    page.keyboard.press(".")
    expect(rows(page)).to_have_count(13)
    assert order(page) == [*reversed(new), *before]


def test_a_job_deleted_elsewhere_keeps_its_place(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(11)
    gone = rows(page).nth(3).get_attribute("data-id") or ""
    site.run(site.kiribi.delete, [gone])
    expect(row(page, gone)).to_contain_text("deleted")
    expect(rows(page)).to_have_count(11)


def test_shift_selects_a_range_and_retry_takes_what_can_be_retried(
    site: Site, seed: Seed, visit: Visit
) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs?q=status:FAILED,COMPLETED,PENDING")
    expect(rows(page)).to_have_count(8)
    boxes = rows(page).get_by_role("checkbox")
    boxes.first.check()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar.get_by_role("button", name="Run now 1")).to_be_enabled()
    bar.get_by_role("button", name="Retry 3").click()
    expect(page.get_by_text("Retrying 3 jobs.")).to_be_visible()
    expect(bar).to_be_hidden()
    expect(rows(page).filter(has_text="Pending")).to_have_count(4)


def test_delete_asks_first(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog", name="Delete 1 job?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("td.name a")).to_be_focused()
    assert site.run(seed.status, id) is JobStatus.FAILED
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Deleted 1 job.")).to_be_visible()
    assert site.run(seed.status, id) is None


def test_an_action_says_why_it_skipped(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(1)
    site.run(site.kiribi.delete, [id])
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator(".notice")).to_contain_text("Skipped 1:")


def test_older_pages_and_back(site: Site, seed: Seed, visit: Visit) -> None:
    async def many() -> None:
        await site.kiribi.store.insert([NewJob(new_id(), "A", f'{{"n":{n}}}') for n in range(120)])

    site.run(many)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(50)
    top = rows(page).first.get_attribute("data-id")
    page.get_by_role("link", name="Older").click()
    expect(rows(page).first).not_to_have_attribute("data-id", top or "")
    expect(rows(page)).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(rows(page)).to_have_count(20)
    expect(page.get_by_role("link", name="Older")).to_be_hidden()
    page.get_by_role("button", name="Newer").click()
    expect(rows(page)).to_have_count(50)
    page.get_by_role("link", name="Newest").click()
    expect(rows(page).first).to_have_attribute("data-id", top or "")


def test_a_search_that_stops_says_how_far_it_looked(site: Site, seed: Seed, visit: Visit) -> None:
    async def haystack() -> str:
        [needle] = await site.kiribi.store.insert([NewJob(new_id(), "A", '{"needle":1}')])
        for _ in range(6):
            await site.kiribi.store.insert([NewJob(new_id(), "A", "{}") for _ in range(1000)])
        return needle.id

    needle = site.run(haystack)
    page = visit(f"{site.url}jobs?q=payload.needle:1")
    expect(page.get_by_role("heading", name="No job matches so far")).to_be_visible()
    expect(page.get_by_text(f"Looked back to {datetime.now(UTC):%Y}")).to_be_visible()
    page.get_by_role("button", name="Look further back").click()
    expect(row(page, needle)).to_be_visible()


def test_the_first_job_appears_by_itself(site: Site, seed: Seed, visit: Visit) -> None:
    page = visit(f"{site.url}jobs")
    expect(page.get_by_role("heading", name="No job yet")).to_be_visible()
    expect(page.get_by_text("await kiribi.enqueue(")).to_be_visible()
    id = site.run(seed.pending)
    expect(row(page, id)).to_be_visible()
    expect(page.get_by_role("heading", name="No job yet")).to_be_hidden()


def test_coming_back_continues_where_one_left(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs?q=binding:SEND_MAIL")
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = rows(page).nth(1).get_attribute("data-id")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_focused()
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(4)
    expect(row(page, second or "").get_by_role("link").first).to_be_focused()


def test_a_new_job_runs_through_the_dialog(site: Site, seed: Seed, visit: Visit) -> None:
    page = visit(f"{site.url}jobs")
    page.get_by_role("heading", name="No job yet").wait_for()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New job")
    dialog.get_by_label("Binding").fill("SEND_MAIL")
    payload = dialog.get_by_label("Payload (JSON)")
    payload.fill('{\n  "to": ada\n}')
    expect(dialog.get_by_text("Not JSON: line 2, column 9.")).to_be_visible()
    dialog.get_by_role("button", name="Enqueue").click()
    expect(payload).to_be_focused()
    payload.fill('{"to": "ada@example.com"}')
    dialog.get_by_text("Options").click()
    dialog.get_by_label("Attempts at most").fill("0")
    expect(dialog.get_by_text("From 1 to 1,000.")).to_be_visible()
    dialog.get_by_label("Attempts at most").fill("7")
    dialog.get_by_label("Retry delay (s)").fill("2")
    dialog.get_by_label("Delay grows exponentially").check()
    dialog.get_by_role("button", name="Enqueue").click()
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_visible()
    found = re.search(r"jobs/([\w-]+)$", page.url)
    assert found
    job = site.run(site.kiribi.find, found[1])
    assert job is not None
    assert job.payload == {"to": "ada@example.com"}
    assert job.options["max_attempts"] == 7
    assert job.options["retry_delay"] == {"exponential": True, "base": 2, "cap": 3600}


def test_a_new_job_with_every_option(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[Mailing])
    seed = Seed(site.kiribi)
    site.run(site.kiribi.register, ["MAILING"])
    first = site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New job")
    expect(dialog.locator("datalist option").first).to_have_attribute("value", "MAILING")
    dialog.get_by_label("Binding").fill("MAILING")
    # what the performer takes is said, and filled in
    expect(dialog.locator(".takes")).to_contain_text("to: string[]")
    expect(dialog.locator(".takes")).to_contain_text("draft?: boolean")
    expect(dialog.get_by_label("Payload (JSON)")).to_have_value(re.compile('"to": '))
    dialog.get_by_text("More options").click()
    expect(dialog.get_by_label("Attempts at most")).to_have_attribute("placeholder", "9")
    dialog.get_by_label("One at a time of this key").fill("tenant-7")
    dialog.get_by_label("After these jobs").fill(f"{first} x")
    expect(dialog.get_by_text("Give whole job ids.")).to_be_visible()
    dialog.get_by_label("After these jobs").fill(first)
    dialog.get_by_label("If one of them fails").select_option("wait")
    dialog.get_by_role("button", name="Enqueue").click()
    expect(page.get_by_role("heading", name="MAILING")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("tenant-7")
    expect(page.locator(f'.facts a[href$="{first}"]')).to_be_visible()
    job = site.run(site.kiribi.find, page.url.rpartition("/")[2])
    assert job is not None
    assert job.options["concurrency_key"] == "tenant-7"
    assert (job.options["after"], job.options["after_failed"]) == ([first], "wait")
    # a copy of one that still waits waits for the same
    page.get_by_role("button", name="Duplicate and edit").click()
    dialog = page.get_by_role("dialog", name="Copy of a job")
    expect(dialog.get_by_label("After these jobs")).to_have_value(first)
    dialog.get_by_label("After these jobs").fill("")
    dialog.get_by_label("Unique").select_option("yes")
    dialog.get_by_label("If there is one already").select_option("replace")
    dialog.get_by_label("Key: fields of the payload").fill("payload.to")
    dialog.get_by_label("Holds the key for").fill("3600")
    dialog.get_by_label("Payload (JSON)").fill('{"to": ["ada"]}')
    dialog.get_by_role("button", name="Enqueue").click()
    expect(page.locator(".facts")).to_contain_text("payload.to, 1h, replace")
    expect(page.locator(".facts")).to_contain_text("held by this job, until")
    only = page.url
    page.get_by_role("button", name="Duplicate and edit").click()
    expect(dialog.get_by_label("Unique")).to_have_value("yes")
    dialog.get_by_label("Payload (JSON)").fill('{"to": ["ada"], "draft": true}')
    dialog.get_by_role("button", name="Enqueue").click()
    expect(page.locator(".json").first).to_contain_text("draft: true")
    expect(page).to_have_url(only)


def test_what_the_server_refuses_is_said_in_the_dialog(
    site: Site, seed: Seed, visit: Visit
) -> None:
    page = visit(f"{site.url}jobs", expected=("400",))
    page.get_by_role("button", name="New job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Binding").fill("no such name!")
    dialog.get_by_role("button", name="Enqueue").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no such name!")


def test_what_crashed_is_found_by_its_reason(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("rea")
    page.keyboard.press("Tab")
    expect(page.get_by_role("option", name="crashed")).to_be_visible()
    page.keyboard.type("fai")
    page.keyboard.press("Tab")
    expect(page).to_have_url(f"{site.url}jobs?q=reason:failed")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="In quarantine").click()
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()


def test_columns_are_chosen_and_remembered(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    head = page.get_by_role("columnheader")
    expect(head.filter(has_text="Payload")).to_be_visible()
    expect(head.filter(has_text="Priority")).to_be_hidden()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Payload").uncheck()
    page.get_by_role("checkbox", name="Priority").check()
    expect(head.filter(has_text="Payload")).to_be_hidden()
    page.reload()
    expect(head.filter(has_text="Priority")).to_be_visible()
    expect(head.filter(has_text="Payload")).to_be_hidden()
    expect(page.get_by_text('key: "a.jpg"')).to_be_hidden()
