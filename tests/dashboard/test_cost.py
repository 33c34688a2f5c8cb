"""Looking costs next to nothing."""

from __future__ import annotations

from collections import Counter
from time import monotonic

import pytest
from playwright.sync_api import Page, Request, Route, expect
from tests.dashboard.conftest import Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

MINUTE = 60
BUDGET = 12


class Requests:
    """What a page asks of the API, and whether it still waits for an answer."""

    def __init__(self, page: Page) -> None:
        self.asked: Counter[str] = Counter()
        self._open: set[Request] = set()
        self._page = page
        page.on("request", self._began)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def pass_time(self, seconds: int) -> None:
        """Let the page's clock run; every answer arrives before the next second begins."""
        for _ in range(seconds):
            self._page.clock.run_for(1000)
            deadline = monotonic() + 10
            while True:
                # what an answer set off, such as a timer, is in place before time goes on
                self._page.evaluate("new Promise(done => requestAnimationFrame(done))")
                if not self._open:
                    break
                assert monotonic() < deadline, f"no answer: {self.asked}"

    def _began(self, request) -> None:
        if "/api/" in request.url and not request.url.endswith("/events"):
            self.asked[request.url.rpartition("/api/")[2]] += 1
            self._open.add(request)

    def _ended(self, request: Request) -> None:
        self._open.discard(request)


def without_events(route: Route) -> None:
    """The server's own answer, as a runtime without events would give it."""
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "events": False})


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        *("", "jobs", "jobs/{id}", "failures", "bindings", "bindings/SEND_MAIL"),
        *("schedules", "actions"),
    ],
)
def test_an_idle_page_asks_little(
    site: Site, seed: Seed, visit: Visit, events: bool, path: str
) -> None:
    id = site.run(seed.failed)
    page = visit("about:blank")
    page.clock.install()
    if not events:
        page.route("**/api/me", without_events)
    page.goto(site.url + path.format(id=id))
    expect(page.locator("#main :is(tbody tr, .rows li, .attempts, .empty)").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".live")).to_have_text("Live")
    requests = Requests(page)
    requests.pass_time(MINUTE)
    assert set(requests.asked) <= {"pulse"}
    assert 1 <= requests.asked.total() <= BUDGET
    requests.asked.clear()
    requests.pass_time(MINUTE)
    assert requests.asked.total() <= 2


def test_workers_are_looked_at_now_and_then(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.processing)
    page = visit("about:blank")
    page.clock.install()
    page.route("**/api/me", without_events)
    page.goto(f"{site.url}workers")
    expect(page.locator("table")).to_be_visible()
    requests = Requests(page)
    for _ in range(2):
        requests.pass_time(MINUTE)
        assert requests.asked["workers"] >= 2, "leases are renewed without a pulse"
        assert requests.asked.total() <= BUDGET
        requests.asked.clear()


@pytest.mark.parametrize("events", [True, False])
def test_an_action_is_watched_ever_less_while_nobody_carries_it_out(
    site: Site, seed: Seed, visit: Visit, events: bool
) -> None:
    site.run(seed.failed)
    site.run(site.kiribi.start_action, "retry", {"status": "FAILED"})
    page = visit("about:blank")
    page.clock.install()
    if not events:
        page.route("**/api/me", without_events)
    page.goto(f"{site.url}actions")
    expect(page.locator("tbody")).to_contain_text("Running")
    requests = Requests(page)
    for _ in range(2):
        requests.pass_time(MINUTE)
        looks = sum(n for path, n in requests.asked.items() if path.startswith("actions"))
        assert 1 <= looks <= requests.asked.total() <= BUDGET
        requests.asked.clear()
    site.run(site.kiribi.tick)
    requests.pass_time(MINUTE)
    expect(page.locator("tbody")).to_contain_text("Done")
    assert requests.asked.total() <= BUDGET


def test_an_unseen_page_asks_nothing_and_catches_up_at_once(
    site: Site, seed: Seed, visit: Visit
) -> None:
    site.run(seed.failed)
    page = visit("about:blank")
    page.clock.install()
    page.route("**/api/me", without_events)
    page.goto(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    requests = Requests(page)
    hide(page, True)
    site.run(seed.failed)
    requests.pass_time(MINUTE)
    assert requests.asked.total() == 0
    hide(page, False)
    requests.pass_time(15)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()


def test_a_page_held_still_asks_nothing(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit("about:blank")
    page.clock.install()
    page.goto(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Live").click()
    expect(page.locator(".live")).to_have_text("Paused")
    requests = Requests(page)
    site.run(seed.failed)
    requests.pass_time(MINUTE)
    assert requests.asked.total() == 0
    page.get_by_role("button", name="Paused").click()
    requests.pass_time(5)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()


def hide(page: Page, hidden: bool) -> None:
    """Tell the page that it is out of sight, as another tab in front would."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
