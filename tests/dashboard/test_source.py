"""The dashboard's own tests, types, size and lock file."""

from __future__ import annotations

import gzip
import json
import re

from tests.dashboard import screenshots, toolchain
from tests.dashboard.toolchain import SOURCE, STATIC

BUDGET = 60_000
"""Bytes of JavaScript, gzipped."""


def test_units() -> None:
    said = toolchain.run("vitest/vitest.mjs", "run", "--no-color")
    assert re.search(r"Tests\s+\d+ passed", said), said


def test_types() -> None:
    toolchain.run("typescript/bin/tsc", "--noEmit")


def test_all_javascript_fits_the_budget() -> None:
    scripts = list(STATIC.glob("**/*.js"))
    assert scripts, "the dashboard is not built: make dashboard"
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) < BUDGET


def test_the_build_has_no_source_maps_and_no_inline_code() -> None:
    assert not list(STATIC.glob("**/*.map"))
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "style=" not in page
    assert "<style" not in page


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((SOURCE / "package-lock.json").read_text("utf-8"))
    packages = lock["packages"]
    assert "node_modules/vite" in packages
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_the_pictures_show_this_dashboard() -> None:
    assert screenshots.MARK.read_text("utf-8").strip() == screenshots.source(), "make screenshots"


def test_format() -> None:
    toolchain.run("prettier/bin/prettier.cjs", "--check", ".")
