"""The command palette, and searches by name."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site


def choose(page: Page, typed: str, offered: str) -> None:
    """Open the palette, type, and take what is offered first, once the server has told of it."""
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type(typed)
    expect(page.get_by_role("option").first).to_contain_text(offered)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Go to, or do…")).to_have_count(0)


def test_pages_bindings_jobs_and_actions_by_keyboard(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    id = site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(12)
    choose(page, "bind", "Bindings")
    expect(page).to_have_url(f"{site.url}bindings")
    choose(page, "send_mail", "SEND_MAIL")
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_focused()
    choose(page, "pause send", "Pause SEND_MAIL")
    expect(page.locator("h1 + .status")).to_have_text("Paused")
    assert site.run(site.kiribi.pulse).paused == ("SEND_MAIL",)
    choose(page, "resume send", "Resume SEND_MAIL")
    expect(page.locator("h1 + .status")).to_have_count(0)
    choose(page, id, f"Open the job {id}")
    expect(page).to_have_url(f"{site.url}jobs/{id}")
    expect(page.locator("h1 + .status")).to_have_text("Failed")
    # what the page in front does by key
    choose(page, "retry", "Retry")
    expect(page.locator("h1 + .status")).to_have_text("Pending")
    choose(page, "new job of resize", "New job of RESIZE_IMAGE")
    expect(page.get_by_role("dialog", name="New job").get_by_label("Binding")).to_have_value(
        "RESIZE_IMAGE"
    )
    page.keyboard.press("Escape")
    choose(page, "new schedule", "New schedule")
    expect(page.get_by_role("dialog", name="New schedule")).to_be_visible()
    page.keyboard.press("Escape")
    choose(page, "not an image", 'error:"not an image"')
    expect(page).to_have_url(f"{site.url}jobs?q=error:%22not+an+image%22")
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    choose(page, "theme dark", "Theme: Dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_arrows_escape_and_the_mouse(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    search = page.get_by_role("combobox", name="Search jobs")
    search.focus()
    # also while something is being typed
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="A page, a binding")
    expect(field).to_be_focused()
    options = page.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(search).to_be_focused()
    page.get_by_role("button", name="Go to, or do…").click()
    page.get_by_role("option", name="Schedules").click()
    expect(page).to_have_url(f"{site.url}schedules")
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shown.get_by_role("row", name="Ctrl K")).to_contain_text("Go to, or do…")


def test_it_acts_on_the_row_that_had_the_focus(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.failed)
    site.run(seed.failed)
    page = visit(f"{site.url}jobs")
    page.locator(f'tr[data-id="{id}"] a').focus()
    choose(page, "retry", "Retry")
    expect(page.locator(f'tr[data-id="{id}"] .status')).to_have_text("Pending")
    expect(page.locator(".status", has_text="Failed")).to_have_count(1)


def test_read_only_offers_nothing_that_changes(serve: Serve, visit: Visit) -> None:
    site = serve(read_only=True)
    seed = Seed(site.kiribi)
    site.run(seed.some_of_each)
    for path in ("jobs", "bindings", "bindings/SEND_MAIL", "schedules", "failures"):
        page = visit(site.url + path)
        expect(page.locator("#main :is(tbody tr, .rows li, .empty)").first).to_be_visible()
        page.keyboard.press("Control+k")
        for word in ("retry", "delete", "cancel", "pause", "new", "edit", "select"):
            page.get_by_role("combobox", name="A page").fill(word)
            offered = page.get_by_role("option").all_inner_texts()
            allowed = ("Search jobs for", "Waiting to retry", "Hold the page still", "Let new")
            assert [each for each in offered if not each.startswith(allowed)] == []


@pytest.mark.parametrize("prefix", ["", "/ops/kiribi"])
def test_searches_by_name(serve: Serve, visit: Visit, prefix: str) -> None:
    site = serve(prefix=prefix)
    seed = Seed(site.kiribi)
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    rows = page.locator("table.jobs tbody tr")
    picker = page.get_by_role("button", name="Views")
    picker.click()
    page.get_by_role("link", name="Failed today").click()
    expect(rows).to_have_count(3)
    expect(page).to_have_url(f"{site.url}jobs?q=status:FAILED+after:today&view=Failed+today")
    expect(page).to_have_title("Failed today · Kiribi")
    page.goto(f"{site.url}jobs?q=binding:SEND_MAIL+status:FAILED")
    expect(rows).to_have_count(2)
    picker.click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Name of this search").fill("Lost mails")
    page.keyboard.press("Enter")
    named = f"{site.url}jobs?q=binding:SEND_MAIL+status:FAILED&view=Lost+mails"
    expect(page).to_have_url(named)
    page.goto(f"{site.url}jobs")
    expect(rows).to_have_count(11)
    choose(page, "lost", "Lost mails")
    expect(page).to_have_url(named)
    expect(rows).to_have_count(2)
    # a search that is changed is no longer that one
    page.keyboard.press("/")
    page.keyboard.press("Backspace")
    expect(page).to_have_url(f"{site.url}jobs?q=binding:SEND_MAIL")
    picker.click()
    page.get_by_role("button", name="Forget Lost mails").click()
    expect(page.get_by_role("link", name="Lost mails")).to_have_count(0)
    page.reload()
    picker.click()
    expect(page.get_by_role("link", name="Failed today")).to_be_visible()
    expect(page.get_by_role("link", name="Lost mails")).to_have_count(0)
    # whoever gets the link sees the name, and may keep it
    other = visit(named)
    expect(other.locator("table.jobs tbody tr")).to_have_count(2)
    other.get_by_role("button", name="Lost mails").click()
    expect(other.get_by_label("Name of this search")).to_have_value("Lost mails")
    other.get_by_role("button", name="Save").click()
    other.goto(f"{site.url}jobs")
    other.get_by_role("button", name="Views").click()
    expect(other.get_by_role("link", name="Lost mails")).to_be_visible()
