"""What people do on the pages, for tests of the dashboard on every runtime."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

PAGES = (
    "",
    "jobs",
    "failures",
    "bindings",
    "bindings/SEND_MAIL",
    "schedules",
    "workers",
    "actions",
)
"""The paths of all pages but a job's; one binding's among them."""


def go(page: Page, name: str) -> None:
    """To the page of this name, by the menu; it is there."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, exact=True).first).to_be_visible()


def fill(page: Page, **fields: str) -> None:
    """Fill in fields of the dialog, by their names."""
    for name, value in fields.items():
        page.locator(f'dialog [name="{name}"]').fill(value)


def yes(page: Page, name: str, verb: str) -> None:
    """Answer the question of this title with yes."""
    page.get_by_role("dialog", name=name).get_by_role("button", name=verb).click()


def binding(page: Page, name: str) -> Locator:
    """Its row on the page Bindings."""
    return page.locator(f'tr[data-name="{name}"]')


def pause(page: Page, name: str) -> None:
    """On the page Bindings, by mouse."""
    binding(page, name).get_by_role("button", name=f"Pause {name}").click()
    expect(binding(page, name).locator(".state")).to_contain_text("Paused")


def resume(page: Page, name: str, then: str) -> None:
    """On the page Bindings, by key; `then` is its state again."""
    binding(page, name).get_by_role("link", name=name).focus()
    page.keyboard.press("p")
    expect(binding(page, name).locator(".state")).to_contain_text(then)


def make_schedule(page: Page, name: str, binding: str, seconds: int, payload: str) -> Locator:
    """By an interval, with the next times while it is typed; its row."""
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog", name="New schedule")
    fill(page, name=name, binding=binding, payload=payload)
    dialog.get_by_role("radio", name="Every so often").check()
    fill(page, every=str(seconds))
    expect(dialog.locator(".times li")).to_have_count(5)
    dialog.get_by_label("Name").press("Enter")
    row = page.locator(f'tr[data-name="{name}"]')
    expect(row).to_be_visible()
    return row


def delete_schedule(page: Page, name: str) -> None:
    """And its row is gone."""
    row = page.locator(f'tr[data-name="{name}"]')
    row.get_by_role("button", name=f"Delete {name}").click()
    yes(page, f"Delete the schedule {name}?", "Delete")
    expect(row).to_have_count(0)


def duplicate(page: Page, payload: str) -> None:
    """The job in front, with another payload; then the copy is in front."""
    page.get_by_role("button", name="Duplicate and edit").click()
    dialog = page.get_by_role("dialog", name="Copy of a job")
    dialog.get_by_label("Payload (JSON)").fill(payload)
    dialog.get_by_role("button", name="Enqueue").click()
    expect(dialog).to_have_count(0)


def act_on_all_that_match(page: Page, action: str, title: str) -> None:
    """Of the list in front, which has more than a page; asked by a dialog of this title."""
    expect(page.locator("table.jobs tbody tr")).to_have_count(50)
    page.get_by_role("checkbox", name="Select all shown").check()
    bar = page.get_by_role("region", name="Selected jobs")
    bar.get_by_role("button", name="Select all that match").click()
    expect(bar).to_contain_text("All that match")
    bar.get_by_role("button", name=action).click()
    yes(page, title, action)
    page.locator(".notice").get_by_role("link", name="Actions").click()


def delete_job(page: Page) -> None:
    """The one in front."""
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
