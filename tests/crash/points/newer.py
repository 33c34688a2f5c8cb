"""A version to come, as it were: two more migrations, of tables that have jobs in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from kiribi.stores import _statements, postgres, sqlite

SCRIPTS: Mapping[str, Sequence[str]] = {
    "sqlite": (
        "ALTER TABLE job ADD COLUMN colour TEXT; UPDATE job SET colour = binding;",
        "CREATE TABLE painted AS SELECT id FROM job; CREATE UNIQUE INDEX by_id ON painted (id);",
    ),
    "postgres": (
        "ALTER TABLE kiribi.job ADD COLUMN colour text; UPDATE kiribi.job SET colour = binding;",
        (
            "CREATE TABLE kiribi.painted AS SELECT id FROM kiribi.job;"
            "CREATE UNIQUE INDEX by_id ON kiribi.painted (id);"
        ),
    ),
}
RECORD = "UPDATE {meta} SET value = '{version}' WHERE key = 'schema_version';"
TABLES = {"sqlite": "meta", "postgres": "kiribi.meta"}
LOOK = """
SELECT (SELECT value FROM {meta} WHERE key = 'schema_version'),
  (SELECT count(*) FROM {job} WHERE colour = binding), (SELECT count(*) FROM {painted})
"""
"""The version; how many jobs the first script has changed; how many the second has found."""


def adopt() -> None:
    """Have this process be of that version, as long as it lives."""
    right = _statements.migrations

    @cache
    def newer(dialect: str) -> tuple[str, ...]:
        scripts = [*right(dialect)]
        for script in SCRIPTS[dialect]:
            record = RECORD.format(meta=TABLES[dialect], version=len(scripts) + 1)
            scripts.append(script + record)
        return tuple(scripts)

    for module in (_statements, postgres, sqlite):
        module.__dict__["migrations"] = newer


def told(found: Sequence[object], dialect: str) -> list[str]:
    """What is wrong with what `LOOK` has found, once the new version was there."""
    version, changed, painted = found
    newest = str(len(_statements.migrations(dialect)))
    wrong: list[str] = []
    if str(version) != newest:
        wrong.append(f"the schema is version {version!r}, not {newest}")
    if not changed or changed != painted:
        wrong.append(f"{changed} jobs were changed, {painted} found")
    return wrong
