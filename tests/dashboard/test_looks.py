"""For everyone: narrow screens, both themes, two languages, a keyboard, a screen reader."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard import toolchain
from tests.dashboard.conftest import Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site
from tests.dashboard.steps import PAGES

from kiribi import Cron

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check_accessible(page: Page) -> None:
    """No violation that axe can find."""
    # evaluated, not inserted as a script: the content security policy would refuse that
    page.evaluate(toolchain.axe())
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found = page.evaluate(f"axe.run(document, {options})")
    assert [
        (each["id"], [node["html"] + node["failureSummary"] for node in each["nodes"]])
        for each in found["violations"]
    ] == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_on_everything(site: Site, seed: Seed, visit: Visit, theme: str, width: int) -> None:
    page = visit(
        f"{site.url}jobs",
        color_scheme=theme,
        viewport={"width": width, "height": 844},
        # a fade half way is no colour of ours
        reduced_motion="reduce",
    )
    expect(page.get_by_role("heading", name="No job yet")).to_be_visible()
    check_accessible(page)
    site.run(seed.some_of_each)
    rows = page.locator("table.jobs tbody tr")
    expect(rows.first).to_be_visible()
    page.goto(f"{site.url}jobs?q=status:FAILED+nonsense:1")
    expect(rows).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("/")
    expect(page.get_by_role("option").first).to_be_visible()
    check_accessible(page)
    page.goto(f"{site.url}jobs")
    expect(rows).to_have_count(11)
    check_accessible(page)
    for key, name in (("?", "Keyboard shortcuts"), ("n", "New job")):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        if key == "n":
            page.get_by_role("dialog").get_by_text("Options").click()
        check_accessible(page)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Language and theme").click()
    check_accessible(page)
    for status in ("FAILED", "PROCESSING", "RETRY_PENDING"):
        page.goto(f"{site.url}jobs?q=status:{status}")
        page.locator("td.name a").last.click()
        expect(page.locator(".attempts")).to_be_visible()
        check_accessible(page)


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    page.wait_for_function(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


async def something_everywhere(site: Site, seed: Seed) -> None:
    """A row on every page."""
    await seed.some_of_each()
    await seed.pending("BILLING")
    await site.kiribi.pause("RESIZE_IMAGE")
    await site.kiribi.schedules.create("report", "SEND_MAIL", Cron("0 9 * * 1-5"))
    await site.kiribi.start_action("retry", {"binding": "SEND_MAIL", "status": "FAILED"}, who="ada")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 390])
def test_axe_and_room_on_every_page(
    site: Site, seed: Seed, visit: Visit, theme: str, width: int
) -> None:
    site.run(something_everywhere, site, seed)
    page = visit(
        site.url,
        color_scheme=theme,
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
    )
    for path in PAGES:
        page.goto(site.url + path)
        expect(page.locator("#main :is(tbody tr, .rows li)").first).to_be_visible()
        if path in ("", "bindings/SEND_MAIL"):
            expect(page.locator(".plot svg")).to_have_count(3)
        fits(page)
        check_accessible(page)
    page.goto(f"{site.url}jobs?q=status:FAILED")
    page.locator("td.name a").first.click()
    expect(page.locator(".attempts")).to_be_visible()
    fits(page)
    check_accessible(page)


DIALOGS = {
    "schedules": ('[name="edit"]', "Edit report", "report を編集"),
    "bindings": ('tr[data-name="SEND_MAIL"] [name="edit"]', "Limits of SEND_MAIL", "制限"),
    "jobs": ('[aria-keyshortcuts$="+K"]', "Go to, or do…", "移動・操作…"),
    "": ('[aria-keyshortcuts="n"]', "New job", "新しいジョブ"),
}


def unfold(page: Page) -> None:
    """Show all that a dialog has."""
    for folded in page.locator("dialog details:not([open]) summary").all():
        folded.click()
    for unique in page.locator('dialog [name="unique"]').all():
        unique.select_option("yes")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390), ("light", 768)])
def test_axe_and_room_in_every_dialog(
    site: Site, seed: Seed, visit: Visit, theme: str, width: int
) -> None:
    site.run(something_everywhere, site, seed)
    page = visit(
        site.url,
        color_scheme=theme,
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
    )
    for path, (button, name, _) in DIALOGS.items():
        page.goto(site.url + path)
        page.locator(button).first.click()
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        unfold(page)
        if path == "schedules":
            expect(page.locator("dialog .times li")).to_have_count(5)
        fits(page)
        check_accessible(page)
        # nothing is cut off in the dialog either
        assert page.locator("dialog").evaluate("each => each.scrollWidth <= each.clientWidth")
    page.goto(f"{site.url}jobs")
    page.get_by_role("button", name="Views").click()
    expect(page.get_by_role("link", name="Failed today")).to_be_visible()
    fits(page)
    check_accessible(page)


def test_every_dialog_in_japanese(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(something_everywhere, site, seed)
    page = visit(site.url, locale="ja-JP")
    words = re.compile(r"^(?!.*(unique|cron:|UTC|JSON))[A-Za-z .,]{4,}$")
    for path, (button, _, name) in DIALOGS.items():
        page.goto(site.url + path)
        page.locator(button).first.click()
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        unfold(page)
        labels = page.locator("dialog :is(label, legend, h2, h3, summary)").all_inner_texts()
        assert labels or path == "jobs"
        assert [each for each in labels if words.match(each)] == []


def test_every_page_in_japanese(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(something_everywhere, site, seed)
    page = visit(site.url, locale="ja-JP")
    for path in PAGES:
        page.goto(site.url + path)
        expect(page.locator("#main :is(tbody tr, .rows li)").first).to_be_visible()
        expect(page.locator("h1")).to_have_text(re.compile("[ぁ-ん一-龠ァ-ン]|SEND_MAIL"))
    expect(page.locator("tbody tr")).to_contain_text("再試行")


def test_the_keyboard_goes_to_every_page(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(something_everywhere, site, seed)
    page = visit(site.url)
    expect(page.locator(".plot svg")).to_have_count(3)
    for key, path in zip("jfbswao", ("jobs", *PAGES[2:4], *PAGES[5:], ""), strict=True):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(site.url + path)
        expect(page.locator("#main :is(tbody tr, .rows li)").first).to_be_visible()
        page.keyboard.press("j")
        expect(page.locator("#main :is(tr, li) :focus")).to_have_count(1)
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search jobs")).to_be_focused()


@pytest.mark.parametrize("width", [320, 390])
def test_phones_get_cards_and_never_scroll_sideways(
    site: Site, seed: Seed, visit: Visit, width: int
) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs", viewport={"width": width, "height": 800}, has_touch=True)
    rows = page.locator("table.jobs tbody tr")
    expect(rows).to_have_count(11)
    expect(page.get_by_role("columnheader", name="Payload")).not_to_be_in_viewport()
    expect(rows.first).to_have_css("display", "grid")
    # still a table to a screen reader
    expect(page.get_by_role("row")).to_have_count(12)
    expect(page.get_by_role("cell", name="ValueError")).to_be_visible()

    fits(page)
    rows.filter(has_text="ada@example.com").get_by_role("checkbox").check()
    expect(page.get_by_role("region", name="Selected jobs")).to_be_in_viewport()
    fits(page)
    rows.filter(has_text="ada@example.com").get_by_role("link").tap()
    expect(page.locator(".attempts")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="New job").tap()
    expect(page.get_by_role("dialog").get_by_role("button", name="Enqueue")).to_be_visible()
    fits(page)


def test_on_a_phone_the_page_one_is_on_can_be_seen(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit(f"{site.url}actions", viewport={"width": 390, "height": 800})
    here = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Actions")
    expect(here).to_be_in_viewport(ratio=0.9)


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def test_the_theme_follows_the_system_until_one_is_chosen(site: Site, visit: Visit) -> None:
    page = visit(f"{site.url}jobs", color_scheme="dark")
    dark = background(page)
    page.emulate_media(color_scheme="light")
    light = background(page)
    assert light != dark
    page.get_by_role("button", name="Language and theme").click()
    page.get_by_role("radio", name="Dark").check()
    expect(page.locator("html")).to_have_css("background-color", dark)
    page.reload()
    expect(page.get_by_role("heading", name="No job yet")).to_be_visible()
    expect(page.locator("html")).to_have_css("background-color", dark)


def test_japanese_by_preference_and_by_choice(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs", locale="ja-JP")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("link", name="失敗 3").first).to_be_visible()
    page.goto(f"{site.url}jobs?q=status:PENDING")
    page.locator("td.name a").click()
    expect(page.locator(".why")).to_contain_text("空きができ次第実行されます")
    page.get_by_role("button", name="言語とテーマ").click()
    page.get_by_role("radio", name="English").check()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1 + .status")).to_have_text("Pending")
    page.reload()
    expect(page.locator("h1 + .status")).to_have_text("Pending")


def test_the_keyboard_reaches_everything(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(11)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#main :focus")).to_have_css("outline-style", "solid")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Single keys act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_screen_reader_hears_how_many_were_found(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.some_of_each)
    page = visit(f"{site.url}jobs")
    heard = page.locator("p[aria-live=polite]")
    expect(heard).to_have_text("11 jobs shown")
    page.get_by_role("link", name="Failed 3").click()
    expect(heard).to_have_text("3 jobs shown")


def test_nothing_moves_for_those_who_prefer_it(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.processing)
    page = visit(f"{site.url}jobs", reduced_motion="reduce")
    spinner = page.locator("tr .spin")
    expect(spinner).to_be_visible()
    expect(spinner).to_have_css("animation-name", "none")
