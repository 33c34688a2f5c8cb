"""The Job page: understand one job, and do something about it."""

from __future__ import annotations

import json

from playwright.sync_api import expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import WORKER, Seed
from tests.dashboard.site import Site
from tests.dashboard.steps import delete_job

from kiribi import JobStatus, Performer, lifecycle
from kiribi.runtimes.worker import Worker


class Echo(Performer):
    """Answers with its payload."""

    async def perform(self, payload: dict[str, int]) -> dict[str, int]:
        self.log("echoing")
        return payload


def test_a_failed_job_explains_itself(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed, payload={"to": "ada@example.com", "user": {"id": 42}}, attempts=3)
    page = visit(f"{site.url}jobs/{id}")
    expect(page).to_have_title("SEND_MAIL · Kiribi")
    diagram = page.get_by_role("img", name="it is now: Failed")
    expect(diagram.locator(".edge.lit")).to_have_count(4)
    expect(diagram.locator(".here")).to_have_text("Failed")
    attempts = page.locator(".attempts > li")
    expect(attempts).to_have_count(3)
    expect(attempts.first).to_contain_text("#3")
    expect(attempts.first).to_contain_text(WORKER)
    expect(attempts.first).to_contain_text("ConnectionRefusedError")
    expect(attempts.first.get_by_text('File "app/mail.py", line 41')).to_be_visible()
    folded = attempts.last.get_by_text('File "app/mail.py", line 41')
    expect(folded).to_be_hidden()
    attempts.last.get_by_text("Traceback", exact=True).click()
    expect(folded).to_be_visible()
    expect(page.locator(".logs")).to_contain_text("trying again")
    expect(page.locator(".json").first).to_contain_text('to: "ada@example.com"')


def test_payload_and_result_are_trees_to_copy(site: Site, seed: Seed, visit: Visit) -> None:
    payload = {"list": list(range(250)), "deep": {"a": {"b": {"c": 1}}}, "text": "x" * 1000}
    payload["big"] = 12345678901234567890
    id = site.run(seed.completed, payload=payload, result=[True, None])
    page = visit(f"{site.url}jobs/{id}", permissions=["clipboard-read", "clipboard-write"])
    tree = page.locator(".json").first
    expect(tree).to_contain_text("250 items")
    expect(tree.get_by_role("button", name="150 more")).to_be_visible()
    expect(tree.get_by_role("button", name="602 more characters")).to_be_visible()
    page.get_by_role("button", name="Copy: Payload").click()
    expect(page.locator("p[aria-live=polite]")).to_have_text("Copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == payload
    expect(page.locator(".json").nth(1)).to_contain_text("1: null")


def test_progress_and_log_are_live(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.processing, fraction=0.25)
    page = visit(f"{site.url}jobs/{id}")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.25")
    expect(page.locator(".attempts")).to_contain_text("running")

    async def go_on() -> None:
        from kiribi.ports import Progress

        job = await site.kiribi.find(id)
        assert job is not None
        await seed.log(job, "half way")
        await site.kiribi.store.progress([Progress(id, job.attempts, 0.5, "half")])

    site.run(go_on)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.5")
    expect(page.locator(".logs")).to_contain_text("half way")


def test_the_end_of_a_job_shows_by_itself(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.processing)
    page = visit(f"{site.url}jobs/{id}")
    expect(page.locator("h1 + .status")).to_have_text("Processing")

    async def end() -> None:
        job = await site.kiribi.find(id)
        assert job is not None
        await site.kiribi.store.apply([lifecycle.complete(job, {"sent": True})])
        site.kiribi.queue.ring()

    site.run(end)
    expect(page.locator("h1 + .status")).to_have_text("Completed")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_a_waiting_job_says_why(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.pending, "NOBODY_SERVES_THIS")
    page = visit(f"{site.url}jobs/{id}")
    expect(page.locator(".why")).to_contain_text("No live worker serves NOBODY_SERVES_THIS.")
    expect(page.locator(".attempts")).to_contain_text("due now")


def test_run_now_and_cancel(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.retrying)
    page = visit(f"{site.url}jobs/{id}")
    expect(page.locator(".why")).to_contain_text("Waits for its time: due in 59m")
    expect(page.locator(".attempts")).to_contain_text("due in 59m")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator(".attempts")).to_contain_text("due now")
    page.keyboard.press("c")
    expect(page.locator("h1 + .status")).to_have_text("Cancelled")
    assert site.run(seed.status, id) is JobStatus.CANCELLED


def test_cancelling_a_running_job_asks_it_to_stop(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.processing)
    page = visit(f"{site.url}jobs/{id}")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("h1 + .status")).to_have_text("Stopping")
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    assert site.run(site.kiribi.store.cancel_requested, [id]) == [id]


def test_retry_keeps_the_history(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed)
    page = visit(f"{site.url}jobs/{id}")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("h1 + .status")).to_have_text("Pending")
    expect(page.locator(".attempts > li")).to_have_count(2)
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_delete_leads_back_to_the_list(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed)
    other = site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    page.locator(f'tr[data-id="{id}"] a').click()
    delete_job(page)
    expect(page.locator(f'tr[data-id="{other}"]')).to_be_visible()
    assert site.run(seed.status, id) is None


def test_a_job_that_is_not_there(site: Site, visit: Visit) -> None:
    page = visit(
        f"{site.url}jobs/01991234-5678-7abc-8def-0123456789ab", expected=("404 (Not Found)",)
    )
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    page.get_by_role("link", name="See the jobs").click()
    expect(page.get_by_role("heading", name="No job yet")).to_be_visible()


def test_raw_json_opens_beside(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.completed, result=7)
    page = visit(f"{site.url}jobs/{id}")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Raw JSON").click()
    assert json.loads(popup.value.locator("body").inner_text())["returnValue"] == 7


def test_duplicate_edit_and_watch_it_complete(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[Echo])
    seed = Seed(site.kiribi)
    old = site.run(seed.pending, "ECHO", {"n": 1}, max_attempts=4)
    site.run(site.kiribi.cancel, old)
    worker = Worker(site.kiribi)
    site.run(worker.__aenter__)
    try:
        page = visit(f"{site.url}jobs/{old}")
        page.get_by_role("button", name="Duplicate and edit").click()
        dialog = page.get_by_role("dialog", name="Copy of a job")
        expect(dialog.get_by_label("Binding")).to_have_value("ECHO")
        expect(dialog.get_by_label("Attempts at most")).to_have_value("4")
        expect(dialog.get_by_label("Payload (JSON)")).to_have_value('{\n  "n": 1\n}')
        dialog.get_by_label("Payload (JSON)").fill('{"n": 2}')
        dialog.get_by_role("button", name="Enqueue").click()
        expect(page.locator("h1 + .status")).to_have_text("Completed")
        expect(page.locator(".json").nth(1)).to_have_text("n: 2")
        expect(page.locator(".logs")).to_contain_text("echoing")
        assert old not in page.url
    finally:
        site.run(worker.stop)


def test_a_job_of_a_lost_worker_is_taken_back(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.lost)
    page = visit(f"{site.url}jobs/{id}")
    expect(page.locator(".why")).to_contain_text("stopped renewing")
    page.locator(".why").get_by_role("button", name="Take back now").click()
    expect(page.get_by_text("Took back 1 job.")).to_be_visible()
    expect(page.locator("h1 + .status")).to_have_text("Will retry")
    expect(page.get_by_role("button", name="Take back now")).to_have_count(0)
    assert site.run(seed.status, id) is JobStatus.RETRY_PENDING


def test_a_worker_that_is_lost_while_its_job_is_watched(
    site: Site, seed: Seed, visit: Visit
) -> None:
    id = site.run(seed.processing)
    page = visit("about:blank")
    page.clock.install()
    page.goto(f"{site.url}jobs/{id}")
    expect(page.locator("h1 + .status")).to_have_text("Processing")
    expect(page.locator(".why")).to_have_count(0)
    site.run(site.kiribi.store.renew, [WORKER], 1)
    page.clock.run_for(11_000)
    expect(page.locator(".why")).to_contain_text("stopped renewing")
