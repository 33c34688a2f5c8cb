"""The Schedules page: recurring jobs, made, changed and steered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site
from tests.dashboard.steps import delete_schedule, fill

from kiribi import Cron, Every, Performer, Schedule


class Nightly(Performer):
    """Its schedule is declared in code."""

    schedule = Cron("0 3 * * *")

    async def perform(self, payload: None) -> None:
        """Nothing."""


def stored(site: Site, name: str) -> Any:
    """A schedule as the store has it, and whether it is paused; None: there is none."""
    info = site.run(site.kiribi.schedules.find, name)
    return info and info.schedule


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
    expect(report.locator(".times li").first).to_contain_text(re.compile("09:00:00 GMT.9"))
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
    expect(page.locator(".facts")).to_contain_text("report")


def test_make_one_and_see_when_it_would_run(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}schedules", expected=("400 (Bad Request)",), timezone_id="Asia/Tokyo")
    expect(page.get_by_role("heading", name="No schedule yet")).to_be_visible()
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog", name="New schedule")
    expect(dialog.get_by_label("Name")).to_be_focused()
    expect(dialog.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("Give it a name.")).to_be_visible()
    fill(page, name="report", binding="SEND_MAIL", cron="0 9 * * 8")
    expect(dialog.locator(".preview")).to_contain_text("cron.day-of-week")
    fill(page, cron="30 9 * * 1-5")
    expect(dialog.get_by_text("Weekdays at 09:30")).to_be_visible()
    expect(dialog.locator(".times li")).to_have_count(5)
    expect(dialog.locator(".times li").first).to_contain_text("09:30:00")
    fill(page, tz="Nowhere")
    expect(dialog.locator(".preview")).to_contain_text("tz")
    fill(page, tz="Europe/Paris", payload='{"to": 12345678901234567890}')
    expect(dialog.locator(".times li")).to_have_count(5)
    dialog.get_by_text("More options").click()
    dialog.get_by_label("Ticks missed while nothing ran").select_option("skip")
    dialog.get_by_label("Also while its last job has not ended").uncheck()
    fill(page, maxRetries="7", concurrencyKey="tenant-7")
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator('tr[data-name="report"] .when')).to_contain_text("Weekdays at 09:30")
    assert stored(site, "report") == Schedule(
        Cron("30 9 * * 1-5", tz="Europe/Paris"),
        payload={"to": 12345678901234567890},
        missed="skip",
        overlap=False,
        options={"max_attempts": 7, "concurrency_key": "tenant-7"},
    )


def test_make_one_by_an_interval(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.worker)
    page = visit(f"{site.url}schedules")
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog", name="New schedule")
    fill(page, name="beat", binding="SEND_MAIL")
    dialog.get_by_role("radio", name="Every so often").check()
    fill(page, every="0.5")
    expect(dialog.get_by_text("From 1 to")).to_be_visible()
    fill(page, every="3600")
    expect(dialog.get_by_text("Every 1h")).to_be_visible()
    expect(dialog.locator(".times li").first).to_contain_text(":00:00")
    dialog.get_by_label("Name").press("Enter")
    expect(page.locator('tr[data-name="beat"] .when')).to_have_text("Every 1h")
    assert stored(site, "beat").when == Every(3600)


def test_change_and_delete_one_by_key(site: Site, seed: Seed, visit: Visit) -> None:
    async def one() -> None:
        await seed.worker()
        schedule = Schedule(Cron("0 9 * * *"), payload={"a": 1}, options={"priority": 3})
        await site.kiribi.schedules.create("report", "SEND_MAIL", schedule)

    site.run(one)
    page = visit(f"{site.url}schedules")
    row = page.locator('tr[data-name="report"]')
    row.get_by_role("link", name="SEND_MAIL").focus()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Edit report")
    expect(dialog.get_by_label("Cron")).to_be_focused()
    expect(dialog.get_by_label("Payload (JSON)")).to_have_value('{\n  "a": 1\n}')
    fill(page, cron="0 10 * * *")
    dialog.get_by_label("Cron").press("Enter")
    expect(row.locator(".when")).to_contain_text("Every day at 10:00")
    now = stored(site, "report")
    assert (now.when, now.payload, dict(now.options)) == (
        Cron("0 10 * * *"),
        {"a": 1},
        {"priority": 3},
    )
    row.get_by_role("link", name="SEND_MAIL").focus()
    page.keyboard.press("d")
    page.get_by_role("button", name="Keep").click()
    assert stored(site, "report") is not None
    delete_schedule(page, "report")
    expect(page.get_by_role("heading", name="No schedule yet")).to_be_visible()
    assert stored(site, "report") is None


def test_what_is_declared_in_code_is_not_edited(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[Nightly])
    site.run(Seed(site.kiribi).worker, "NIGHTLY")
    site.run(site.kiribi.schedules.hold)
    page = visit(f"{site.url}schedules", expected=("409 (Conflict)",))
    row = page.locator("tbody tr")
    expect(row.locator(".state")).to_contain_text("in code")
    expect(row.get_by_role("button", name="Edit")).to_have_count(0)
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".notice.bad")).to_contain_text("NIGHTLY")
    expect(row).to_have_count(1)


def test_a_redacted_payload_is_not_overwritten(
    site: Site, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.kiribi, "redact", lambda binding, payload: {"password": "***"})
    schedule = Schedule(Every(60), payload={"password": "secret"})
    site.run(Seed(site.kiribi).worker)
    site.run(site.kiribi.schedules.create, "login", "SEND_MAIL", schedule)
    page = visit(f"{site.url}schedules")
    page.get_by_role("button", name="Edit login").click()
    expect(page.get_by_label("Payload (JSON)")).to_have_value(re.compile(r"\*\*\*"))
    fill(page, every="120")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".when").last).to_have_text("Every 2m")
    assert stored(site, "login").payload == {"password": "secret"}
