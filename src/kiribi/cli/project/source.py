"""Where this Kiribi was installed from: a project made by it takes Kiribi from there as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

BUILD = """
# it is built from its source
[tool.pywrangler]
allow-build = true
"""
FROM_FOLDER = (
    "`pyproject.toml` takes Kiribi from `{place}`, where the one that made this project is: "
    "`uv run pywrangler sync --force` after a change there. Elsewhere, put another source into "
    "`[tool.uv.sources]`; without one uv looks for it on PyPI."
)
FROM_FILE = (
    "`pyproject.toml` takes Kiribi from `{place}`, as the one that made this project was. "
    "Without `[tool.uv.sources]` uv looks for it on PyPI."
)


def installed_from() -> Mapping[str, Any] | None:
    """What installers record (PEP 610); None: it came from an index."""
    try:
        text = distribution("kiribi").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    return cast("Mapping[str, Any]", json.loads(text)) if text else None


def sourced(record: Mapping[str, Any] | None) -> tuple[str, str]:
    """The end of a `pyproject.toml`, and what to tell of it; both empty for an index."""
    if record is None:
        return "", ""
    url = str(record["url"])
    vcs: Mapping[str, str] = record.get("vcs_info", {})
    local = urlsplit(url).scheme == "file"
    place = url2pathname(urlsplit(url).path) if local else url
    parts = {"git" if vcs else "path" if local else "url": place}
    if vcs:
        parts["rev"] = vcs["commit_id"]
    # JSON's texts are TOML's
    source = ", ".join(f"{name} = {json.dumps(value)}" for name, value in parts.items())
    built = vcs or "dir_info" in record
    told = FROM_FOLDER if "dir_info" in record else FROM_FILE
    table = f"\n[tool.uv.sources]\nkiribi = {{ {source} }}\n"
    return table + (BUILD if built else ""), told.format(place=place)
