"""A project takes Kiribi from where the Kiribi that made it came from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from kiribi.cli.project import init
from kiribi.cli.project.source import installed_from, sourced

EXAMPLES = Path(__file__).parents[2] / "examples" / "cloudflare"


def is_kiribi(folder: Path) -> bool:
    text = (folder / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["project"]["name"] == "kiribi"


@pytest.mark.parametrize(
    ("record", "source", "built"),
    [
        (
            {"url": "file:///home/ada/a%20b/kiribi", "dir_info": {"editable": True}},
            {"path": "/home/ada/a b/kiribi"},
            True,
        ),
        ({"url": "file:///srv/kiribi", "dir_info": {}}, {"path": "/srv/kiribi"}, True),
        (
            {"url": "file:///tmp/kiribi-1-py3-none-any.whl", "archive_info": {}},
            {"path": "/tmp/kiribi-1-py3-none-any.whl"},
            False,
        ),
        (
            {"url": "https://example.org/kiribi-1-py3-none-any.whl", "archive_info": {}},
            {"url": "https://example.org/kiribi-1-py3-none-any.whl"},
            False,
        ),
        (
            {
                "url": "https://example.org/kiribi.git",
                "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "0abc"},
            },
            {"git": "https://example.org/kiribi.git", "rev": "0abc"},
            True,
        ),
    ],
)
def test_as_it_was_installed(record: dict[str, Any], source: dict[str, str], built: bool) -> None:
    table, told = sourced(record)
    tool = tomllib.loads(table)["tool"]
    assert tool["uv"] == {"sources": {"kiribi": source}}
    assert tool.get("pywrangler") == ({"allow-build": True} if built else None)
    assert next(iter(source.values())) in told


def test_from_an_index_there_is_nothing_to_say() -> None:
    assert sourced(None) == ("", "")


def test_the_project_finds_this_checkout(tmp_path: Path) -> None:
    record = installed_from()
    assert record, "the tests run on a checkout that is installed"
    init(tmp_path / "my-shop")
    made = tomllib.loads((tmp_path / "my-shop" / "pyproject.toml").read_text("utf-8"))
    assert made["project"]["dependencies"] == ["kiribi"]
    path = Path(made["tool"]["uv"]["sources"]["kiribi"]["path"])
    assert is_kiribi(path)
    assert f"takes Kiribi from `{path}`" in (tmp_path / "my-shop" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("project", sorted(EXAMPLES.glob("*/pyproject.toml")), ids=str)
def test_the_examples_find_it_too(project: Path) -> None:
    tool = tomllib.loads(project.read_text("utf-8"))["tool"]
    assert is_kiribi(project.parent / tool["uv"]["sources"]["kiribi"]["path"])
    assert tool["pywrangler"]["allow-build"]
