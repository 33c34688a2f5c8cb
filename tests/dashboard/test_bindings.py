"""The Bindings pages: how each kind of job fares, and the switch that holds it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

from kiribi import Performer


class SendMail(Performer):
    """Takes a payload with a schema."""

    max_attempts = 7

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
    mail = page.locator('tr[data-name="SEND_MAIL"]')
    mail.get_by_role("button", name="Pause SEND_MAIL").click()
    expect(mail.locator(".state")).to_have_text("Paused")
    assert site.run(site.kiribi.pulse).paused == ("SEND_MAIL",)
    mail.get_by_role("link", name="SEND_MAIL").focus()
    page.keyboard.press("p")
    expect(mail.locator(".state")).to_have_text("1 worker")
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
