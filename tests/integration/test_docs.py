"""Everything the documentation shows is run, as it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.docs_page import Run, blocks
from tests.postgres.server import QUICK, Server, programs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What a shell has in its environment where `postgresql:///shop` is a server of its own."""
    with Server(tmp_path_factory.mktemp("postgres"), *QUICK) as server:
        yield {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGDATABASE": "shop",
            "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
        }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_works(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "createdb shop" in page.read_text("utf-8"):
        for name, value in request.getfixturevalue("postgres").items():
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("KIRIBI_DATABASE_URL", raising=False)
    known = set(sys.modules)
    with ExitStack() as stack:
        run = Run(page, stack)
        for block in blocks(page.read_text("utf-8")):
            run.block(block)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}#{anchor}"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {target for target, _ in LINK.findall(index)}
    assert {page.name for page in PAGES[1:]} - {"index.md"} <= linked


def test_the_reference_is_what_the_docstrings_say() -> None:
    check = [sys.executable, "docs/build_api.py", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_dependency_has_its_reason() -> None:
    told = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    dashboard = json.loads((ROOT / "dashboard" / "package.json").read_text("utf-8"))
    needed = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(
            one
            for group in project["dependency-groups"].values()
            for one in group
            if isinstance(one, str)
        ),
    ]
    names = {re.split(r"[\[<>=; ]", one)[0] for one in needed}
    names |= {*dashboard["dependencies"], *dashboard["devDependencies"]}
    cells = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    assert names == set(re.findall(r"`([^`]+)`", " ".join(cells)))


def _anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(plain.strip().replace(" ", "-"))
    return found
