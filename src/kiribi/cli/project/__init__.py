"""`kiribi init`: a project for Cloudflare Workers, from the files of this folder."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from kiribi.cli.output import note
from kiribi.cli.project.source import installed_from, sourced
from kiribi.errors import InvalidInput
from kiribi.web.headers import HEADERS

NAME = "my-jobs"
"""What the files call the project."""
PLACES = {
    "pyproject.toml": "pyproject.toml",
    "wrangler.jsonc": "wrangler.jsonc",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "entry.py": "src/entry.py",
}


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder; its name becomes the project's.")],
    migrations: Annotated[
        bool,
        typer.Option("--migrations", help="Only add this version's migrations to a project."),
    ] = False,
    assets: Annotated[
        bool, typer.Option("--assets", help="Only put this version's dashboard into a project.")
    ] = False,
) -> None:
    """Write a project for Cloudflare Workers.

    Its application runs there, and unchanged under `kiribi dev`.

    Examples:
      kiribi init my-jobs
      kiribi init --migrations --assets .     after an upgrade of Kiribi
    """
    if migrations:
        added = _migrations(folder)
        note(f"added to {folder / 'migrations'}: {', '.join(added) or 'nothing, it has all'}")
    if assets:
        _assets(folder)
        note(f"put the dashboard into {folder / 'dashboard'}")
    if migrations or assets:
        return
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", name):
        raise InvalidInput(
            "FOLDER", name, "give a name of 2 to 63 lower-case letters, digits and hyphens"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput("FOLDER", str(folder), "give a new or an empty folder")
    here = files(__name__)
    for source, place in PLACES.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(here.joinpath(source).read_text("utf-8").replace(NAME, name), "utf-8")
    _source(folder)
    _migrations(folder)
    _assets(folder)
    note(f"{folder} is ready; its README.md has the commands")


def _source(folder: Path) -> None:
    """Have the project take Kiribi from where this one is."""
    table, told = sourced(installed_from())
    chapter = told and f"\n## Where Kiribi comes from\n\n{told}\n"
    for name, more in (("pyproject.toml", table), ("README.md", chapter)):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(more)


def _migrations(folder: Path) -> list[str]:
    """Copy the migrations that are not there; their names."""
    target = folder / "migrations"
    target.mkdir(parents=True, exist_ok=True)
    source = files("kiribi.stores").joinpath("sql", "sqlite", "migrations")
    added: list[Traversable] = [
        script
        for script in source.iterdir()
        if script.name.endswith(".sql") and not (target / script.name).exists()
    ]
    for script in added:
        (target / script.name).write_text(script.read_text("utf-8"), "utf-8")
    return sorted(script.name for script in added)


def _assets(folder: Path) -> None:
    """Copy the dashboard, with the headers that `kiribi serve` sends along with it."""
    target = folder / "dashboard"
    shutil.rmtree(target / "assets", ignore_errors=True)  # those of another version
    target.mkdir(parents=True, exist_ok=True)
    lines = ["/*", *(f"  {name}: {value}" for name, value in HEADERS.items())]
    (target / "_headers").write_text("\n".join(lines) + "\n", "utf-8")
    with as_file(files("kiribi.web").joinpath("static")) as static:
        if (static / "index.html").exists():
            shutil.copytree(static, target, dirs_exist_ok=True)
        else:
            note(f"Kiribi's dashboard is not built here: {target} stays empty")
