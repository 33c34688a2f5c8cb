"""What D1 is asked, where SQLite's own statement would read more rows than D1 need bill.

D1 bills each step of a loop over rows: those of `json_each`, of a sorter and of a table in memory
too. A list of constants it doesn't bill, nor the look at one row by a unique key that an upsert
takes. So `sql/d1` has another form of the few statements that every job passes through, in which
`elements(…)` stands for `json_each(…)`, `histogram(…)` for grouping by number, and `summed(…)` for
grouping two such groups.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from kiribi.stores._statements import Statement, statement

INSTEAD = {
    "claim_jobs": ("take_jobs", "drop_strays", "taken_jobs"),
    "apply_changes": ("changing_jobs", "change_jobs", "drop_strays"),
}
"""Statements that are several here; one of them answers."""
MOST = 100
"""Elements that cost nothing: the jobs of one invocation. Longer lists are read as SQLite does."""
BUCKETS = 200
"""More than there are buckets of times: see migration 0007."""


@cache
def statements(name: str) -> tuple[Statement, ...]:
    """What D1 carries out for a statement of SQLite, in this order."""
    return tuple(map(_statement, INSTEAD.get(name, (name,))))


def _statement(name: str) -> Statement:
    own = files("kiribi.stores").joinpath("sql", "d1", f"{name}.sql").is_file()
    one = statement("d1" if own else "sqlite", name)
    text = one.text
    for macro, meaning in MACROS.items():
        text = re.sub(macro, meaning, text)
    return Statement(text, one.parameters)


def _numbers(first: int, last: int) -> str:
    return "VALUES " + ",".join(f"({number})" for number in range(first, last + 1))


MACROS = {
    r"elements\((\?2|\w+|\(SELECT ids FROM noted\))\)": (
        rf"(SELECT column1 AS key, \1 ->> column1 AS value FROM ({_numbers(0, MOST - 1)})"  # noqa: S608
        rf" WHERE column1 < json_array_length(\1) AND json_array_length(\1) <= {MOST} UNION ALL"
        rf" SELECT key, value FROM json_each(iif(json_array_length(\1) > {MOST}, \1, '[]')))"
    ),
    # how often each number stands in a text like ',3;,7;,3;'
    r"histogram\((\w+(?: ->> \d+)?)\)": (
        r"(SELECT json_group_object(column1, times) FROM (SELECT column1,"  # noqa: S608
        r" (length(\1) - length(replace(\1, ',' || column1 || ';', '')))"
        r" / length(',' || column1 || ';') AS times"
        rf" FROM ({_numbers(-1, BUCKETS)})) WHERE times > 0)"
    ),
    # two of those
    r"summed\(([\w.]+), ([\w.]+)\)": (
        r"(SELECT json_group_object(column1, times) FROM (SELECT column1,"  # noqa: S608
        r" coalesce(\1 ->> (column1 || ''), 0) + coalesce(\2 ->> (column1 || ''), 0) AS times"
        rf" FROM ({_numbers(-1, BUCKETS)})"
        r""" WHERE instr(\1 || \2, '"' || column1 || '":')))"""
    ),
}
