"""The Bindings pages: how each kind of job fares, and the switch that holds it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.dashboard import steps
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import Performer


class SendMail(Performer):
    """Takes a payload with a schema."""

    max_attempts = 7
    concurrency = 4

    async def perform(self, payload: dict[str, int]) -> None:
        """Nothing."""


def test_how_each_fares(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    site.run(seed.pending, "BILLING")
    page = visit(f"{site.url}bindings")
    rows = page.get_by_role("table", name="Bindings").locator("tbody tr")
    expect(rows).to_have_count(4)
    mail = page.locator('tr[data-name="SEND_MAIL"]')
    expect(mail.locator(".state")).to_have_text("1 worker")
    expect(mail.locator(".success")).to_contain_text("0%")
    expect(page.locator('tr[data-name="INDEX_SOURCE"] .success')).to_contain_text("100%")
    expect(page.locator('tr[data-name="BILLING"] .state')).to_have_text("No worker")
    mail.locator(".waiting a").click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(2)


def test_pause_and_resume_by_mouse_and_key(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}bindings")
    steps.pause(page, "SEND_MAIL")
    assert site.run(site.kiribi.pulse).paused == ("SEND_MAIL",)
    steps.resume(page, "SEND_MAIL", "1 worker")
    assert site.run(site.kiribi.pulse).paused == ()


def test_a_pause_from_elsewhere_shows(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}bindings")
    state = page.locator('tr[data-name="SEND_MAIL"] .state')
    expect(state).to_have_text("1 worker")
    site.run(site.kiribi.pause, "SEND_MAIL")
    expect(state).to_have_text("Paused")


def test_one_binding(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[SendMail])
    seed = Seed(site.kiribi)
    site.run(seed.failed, payload={"n": 1})
    site.run(site.kiribi.register, ["SEND_MAIL"])
    page = visit(f"{site.url}bindings")
    page.get_by_role("link", name="SEND_MAIL", exact=True).click()
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_focused()
    expect(page).to_have_title("SEND_MAIL · Kiribi")
    expect(page.get_by_role("img", name="Failed attempts: 1 of the attempts")).to_be_visible()
    expect(page.locator(".joblines li")).to_contain_text("ConnectionRefusedError")
    expect(page.locator(".json").first).to_contain_text("maxRetries: 7")
    page.keyboard.press("p")
    expect(page.locator("h1 + .status")).to_have_text("Paused")
    page.get_by_role("button", name="New job").last.click()
    expect(page.get_by_role("dialog").get_by_label("Binding")).to_have_value("SEND_MAIL")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{site.url}bindings")


def test_limits_and_the_breaker_show(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[SendMail])
    seed = Seed(site.kiribi)
    limits = {"concurrency": 1, "retry_budget": {"failures": 1, "probe": 3600}}
    site.run(site.kiribi.register, ["SEND_MAIL"])
    site.run(site.kiribi.limit, "SEND_MAIL", **limits)
    running = site.run(seed.processing)
    waiting = site.run(seed.pending)
    page = visit(f"{site.url}jobs/{waiting}")
    expect(page.locator(".why")).to_contain_text("At most 1 of SEND_MAIL may run at a time")
    page.locator(".why a").first.click()
    expect(page).to_have_url(f"{site.url}jobs/{running}")
    site.run(seed.fail, running)
    page.goto(f"{site.url}bindings")
    state = page.locator('tr[data-name="SEND_MAIL"] .state')
    expect(state).to_contain_text("at most 1 at a time")
    expect(state).to_contain_text("Breaker open: 1 failures in a row")
    page.get_by_role("link", name="SEND_MAIL", exact=True).click()
    expect(page.get_by_role("list", name="Limits")).to_contain_text("concurrency: 1")


@pytest.mark.parametrize("path", ["bindings/NOBODY", "bindings/NOBODY/more", "nothing"])
def test_there_is_no_such_page(site: Site, seed: Seed, visit: Visit, path: str) -> None:
    site.run(seed.failed)
    page = visit(site.url + path, expected=("400", "404"))
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()


def test_no_binding_yet(site: Site, visit: Visit) -> None:
    page = visit(f"{site.url}bindings")
    expect(page.get_by_role("heading", name="No binding yet")).to_be_visible()


def test_limits_are_set_lifted_and_taken_back(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[SendMail])
    site.run(Seed(site.kiribi).failed)
    site.run(site.kiribi.register, ["SEND_MAIL"])
    page = visit(f"{site.url}bindings")
    mail = page.locator('tr[data-name="SEND_MAIL"]')
    expect(mail.locator(".state")).to_contain_text("at most 4 at a time")
    mail.get_by_role("link", name="SEND_MAIL").focus()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Limits of SEND_MAIL")
    at_a_time = dialog.get_by_role("group", name=re.compile("^At a time( set here)?$"))
    expect(at_a_time.get_by_label("Jobs")).to_have_value("4")
    expect(at_a_time).to_contain_text("In code: at most 4 at a time")
    at_a_time.get_by_label("Jobs").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(at_a_time.get_by_label("Jobs")).to_be_focused()
    expect(at_a_time).to_contain_text("From 1 to 1,000,000.")
    at_a_time.get_by_label("Jobs").fill("")
    rate = dialog.get_by_role("group", name=re.compile("^Rate of starts( set here)?$"))
    rate.get_by_label("Starts").fill("100")
    rate.get_by_label("per (s)").fill("60")
    breaker = dialog.get_by_role("group", name="Breaker")
    breaker.get_by_label("Failures in a row").fill("5")
    breaker.get_by_label("Failures in a row").press("Enter")
    expect(mail.locator(".state")).to_contain_text("100 / 1m · breaker at 5 failures")
    [info] = site.run(site.kiribi.bindings)
    assert info.overrides == {
        "concurrency": None,
        "rate_limit": {"limit": 100, "per": 60.0, "burst": 1},
        "retry_budget": {"failures": 5, "probe": 30.0},
    }
    mail.get_by_role("button", name="Limits of SEND_MAIL").click()
    expect(at_a_time).to_contain_text("set here")
    expect(at_a_time).to_contain_text("In code: at most 4 at a time")
    dialog.get_by_role("button", name="Back to the code's").click()
    expect(mail.locator(".state")).to_contain_text("at most 4 at a time")
    [info] = site.run(site.kiribi.bindings)
    assert (info.overrides, info.limits) == ({}, {"concurrency": 4})
    mail.get_by_role("link", name="SEND_MAIL").click()
    page.get_by_role("button", name="Limits", exact=True).click()
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Back to the code's")).to_have_count(0)


def test_what_became_of_each_lately(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}bindings")
    lately = page.locator('tr[data-name="INDEX_SOURCE"] svg.spark')
    expect(lately).to_have_attribute("aria-label", "4 completed, 0 failed")
    mail = page.locator('tr[data-name="SEND_MAIL"] svg.spark')
    expect(mail).to_have_attribute("aria-label", "0 completed, 5 failed")
    expect(mail.locator(".is-failed path")).to_have_count(1)
    assert len([url for url in asked if "/api/stats" in url]) == 1


def test_read_only_shows_limits_and_changes_none(serve: Serve, visit: Visit) -> None:
    site = serve(performers=[SendMail], read_only=True)
    site.run(Seed(site.kiribi).failed)
    site.run(site.kiribi.register, ["SEND_MAIL"])
    page = visit(f"{site.url}bindings")
    mail = page.locator('tr[data-name="SEND_MAIL"]')
    expect(mail.locator(".state")).to_contain_text("at most 4 at a time")
    expect(mail.get_by_role("button")).to_have_count(0)
    for path in ("bindings", "bindings/SEND_MAIL"):
        page.goto(site.url + path)
        expect(page.get_by_role("link", name="SEND_MAIL").first).to_be_visible()
        page.keyboard.press("j")
        for key in "ep":
            page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.run(site.kiribi.pulse).paused == ()
