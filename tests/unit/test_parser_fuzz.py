"""Whatever is given to a parser: a value, or an error of ours; and what was read reads the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import chdir
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiribi import Cron, JobFilter, JobStatus
from kiribi.backoff import Exponential
from kiribi.cli import values
from kiribi.errors import KiribiError
from kiribi.limits import CHECKS as LIMITS
from kiribi.limits import checked_limits
from kiribi.options import CHECKS as OPTIONS
from kiribi.stores import open_store

text = st.text(st.characters(codec=None), max_size=30)
number_like = st.from_regex(r"[-+]?[0-9_.]{0,12}(e[-+]?[0-9]{1,4})?[a-z]{0,2}", fullmatch=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | text
    | st.sampled_from([*JobStatus, "PENDING", "crashed", "2030-01-01T00:00:00Z"])
)
anything = st.recursive(
    scalars | st.sampled_from([b"x", 1j, object(), ...]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
FILTERS = tuple(JobFilter().__dataclass_fields__)
cron_field = st.from_regex(
    r"([*]|[0-9A-Za-z]{1,3}(-[0-9A-Za-z]{1,3})?)(/[0-9]{1,3})?[L#W,0-9]{0,3}"
)
crons = st.lists(cron_field, min_size=4, max_size=6).map(" ".join) | text
name = st.text(st.characters(codec=None, exclude_characters="/\\"), max_size=30)
urls = st.builds(  # relative ones: a file may be made
    "{}{}{}".format,
    st.sampled_from(["sqlite", "sqlite3", "d1", "", "SQLITE"]) | name,
    st.sampled_from(["://", ":///", ":", "//", ""]),
    name,
)


def tried(parse: Callable[[], Any]) -> Any:
    """What `parse` gives; None if it refuses, with an error of ours."""
    try:
        return parse()
    except KiribiError:
        return None


@given(given=st.dictionaries(st.sampled_from(FILTERS) | text, anything, max_size=4) | anything)
def test_filters(given: Any) -> None:
    parsed = tried(lambda: JobFilter.parse(given))
    if parsed is not None:
        assert JobFilter.parse(parsed.given()) == parsed


@given(name=st.sampled_from(sorted(OPTIONS)), value=anything)
def test_options(name: str, value: Any) -> None:
    tried(lambda: OPTIONS[name](name, value))


@given(given=st.dictionaries(st.sampled_from(sorted(LIMITS)) | text, anything, max_size=3))
def test_limits(given: dict[str, Any]) -> None:
    checked = tried(lambda: checked_limits(given))
    if checked is not None:
        assert checked_limits(checked) == checked


@given(base=anything, cap=anything)
def test_backoff(base: Any, cap: Any) -> None:
    tried(lambda: Exponential(base, cap))


@given(expression=crons, tz=st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]) | text)
def test_cron(expression: str, tz: str) -> None:
    cron = tried(lambda: Cron(expression, tz))
    if cron is not None:
        after = 1_900_000_000_000
        tick = cron.next_after(after)
        assert tick is None or tick > after


@pytest.mark.parametrize("name", ["whole", "id", "seconds", "moment", "past", "retry_delay"])
@given(given=text | number_like)
def test_the_command_line(name: str, given: str) -> None:
    tried(lambda: getattr(values, name)("--option", given))


@settings(max_examples=60)
@given(url=urls)
def test_database_urls(url: str) -> None:
    async def open_it() -> None:
        store, queue = await open_store(url)
        await queue.close()
        await store.close()

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        tried(lambda: asyncio.run(open_it()))
