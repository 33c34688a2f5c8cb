"""The wheel carries everything: built and installed into an empty environment, its CLI works."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


@pytest.mark.timeout(900)
def test_the_wheel_has_the_dashboard_the_sql_and_the_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "kiribi/web/static/index.html" in names
    assert any(name.startswith("kiribi/web/static/assets/") for name in names)
    assert "kiribi/stores/sql/sqlite/migrations/0001_initial.sql" in names
    assert "kiribi/py.typed" in names
    assert not [name for name in names if "node_modules" in name or name.endswith(".map")]


@pytest.mark.timeout(900)
def test_the_cli_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin = tmp_path / "venv" / "bin"
    run(bin / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    assert run(bin / "kiribi", "version", cwd=tmp_path).strip()
    run(bin / "kiribi", "enqueue", "SEND_MAIL", '{"to": "a@example.com"}', cwd=tmp_path)
    job = json.loads(run(bin / "kiribi", "jobs", "list", "--json", cwd=tmp_path))
    assert job["binding"] == "SEND_MAIL"
    assert job["payload"] == {"to": "a@example.com"}
    run(bin / "kiribi", "init", "my-shop", cwd=tmp_path)
    made = tomllib.loads((tmp_path / "my-shop" / "pyproject.toml").read_text("utf-8"))
    assert made["tool"] == {"uv": {"sources": {"kiribi": {"path": str(wheel)}}}}
