"""The README's pictures, from a seeded demo, light and dark: `make screenshots`."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from tests.dashboard import history
from tests.dashboard.conftest import ARGS
from tests.dashboard.seed import REFUSED, Seed
from tests.dashboard.site import Site
from tests.dashboard.toolchain import ROOT, SOURCE

PICTURES = ROOT / "docs" / "images"
MARK = PICTURES / "source.sha256"
"""What the pictures were made from: a test compares."""

SIZE = {"width": 1280, "height": 760}
JOBS = 24_000


def source() -> str:
    """A digest of all that decides what the pictures show."""
    files = [
        *SOURCE.glob("src/**/*"),
        SOURCE / "package-lock.json",
        *(Path(__file__).with_name(name) for name in ("screenshots.py", "seed.py", "history.py")),
    ]
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file()):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


async def seeded(site: Site) -> str:
    """A day in the life of an application; the id of a job that failed."""
    seed = Seed(site.kiribi)
    await seed.worker("SEND_MAIL", "INDEX_SOURCE", "RESIZE_IMAGE", "SYNC_CRM")
    failed = await seed.failed(
        payload={"to": "ada@example.com", "user": {"id": 42}}, attempts=3, error=REFUSED
    )
    await seed.retrying(payload={"to": "alan@example.com"})
    for fraction in (0.85, 0.4, 0.15):
        await seed.processing("INDEX_SOURCE", {"path": "asyncio"}, fraction=fraction)
    for number in (17, 18, 19):
        await seed.pending("BILLING", {"invoice": number})
    return failed


def take(page: Page, url: str, name: str) -> None:
    """Pictures of the pages, in one theme."""
    page.goto(url)
    expect(page.locator(".plot svg")).to_have_count(3)
    expect(page.locator(".joblines li").first).to_be_visible()
    page.screenshot(path=PICTURES / f"overview-{name}.png")
    page.goto(f"{url}jobs?q=binding:SEND_MAIL+status:FAILED")
    page.locator("td.name a").first.click()
    expect(page.locator(".attempts > li")).to_have_count(3)
    page.screenshot(path=PICTURES / f"job-{name}.png")


def main() -> None:
    """Make them all."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        database = Path(folder) / "jobs.db"
        with Site(database) as site:
            history.fill(database, JOBS, site.run(site.kiribi.store.now_ms))
            site.run(seeded, site)
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
            for theme in ("light", "dark"):
                page = browser.new_page(
                    viewport=SIZE, color_scheme=theme, reduced_motion="reduce", locale="en-US"
                )
                take(page, site.url, theme)
            browser.close()
    MARK.write_text(f"{source()}\n", "utf-8")


if __name__ == "__main__":
    main()
