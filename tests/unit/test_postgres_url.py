"""PostgreSQL database URLs: what is for the driver, what is ours, and what is refused."""

from __future__ import annotations

import pytest

from kiribi.errors import InvalidDatabaseURL
from kiribi.stores._postgres_url import parsed


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h:6543/d",
        "postgres://h/d",
        "postgresql://u:p%2F%40%3A@h/d",
        "postgresql://h1:1,h2:2/d",
        "postgresql://h1,h2/d",
        "postgresql://u:p@[::1]:6543/d",
        "postgresql://[::1],[::2]:1/d",
        "postgresql:///d?host=/run/pg",
        "postgresql:///d?user=u&host=h&port=1",
        "postgresql://",
    ],
)
def test_what_libpq_takes_is_taken(url: str) -> None:
    assert parsed(url).schema == "kiribi"


def test_what_is_ours_is_not_the_drivers() -> None:
    where = parsed(
        "postgresql://h/d?schema=two&pooler=transaction&connect_timeout=3&sslmode=require"
    )
    assert where.schema == "two"
    assert str(where.options["dsn"]).startswith("postgresql://h/d?sslmode=require")
    assert (where.options["statement_cache_size"], where.options["timeout"]) == (0, 3)
    for ours in ("schema", "pooler", "connect_timeout"):
        assert ours not in where.options["dsn"]
    assert parsed("postgresql://h/d").schema == "kiribi"
    assert "statement_cache_size" not in parsed("postgresql://h/d").options


@pytest.mark.parametrize(
    ("rest", "allowed"),
    [
        ("h:0/d", "port"),
        ("h:65536/d", "port"),
        ("h:x/d", "port"),
        ("h:-1/d", "port"),
        ("h:²/d", "port"),
        ("h1:1,h2:x/d", "port"),
        ("[::1]:x/d", "port"),
        ("h/d?port=x", "port"),
        ("h/d?schema=", "schema"),
        ("h/d?schema=My", "schema"),
        ("h/d?schema=1st", "schema"),
        ("h/d?schema=a-b", "schema"),
        ('h/d?schema=a"b', "schema"),
        (f"h/d?schema={'a' * 64}", "schema"),
        ("h/d?pooler=statement", "pooler"),
        ("h/d?pooler=", "pooler"),
        ("h/d?sslmode=maybe", "as sslmode, give disable or"),
        ("h/d?target_session_attrs=best", "target_session_attrs"),
        ("h/d?connect_timeout=soon", "connect_timeout"),
        ("h/d?connect_timeout=0", "connect_timeout"),
        ("h/d?x", "postgresql://user:password@host"),
        ("h/d#x", "postgresql://user:password@host"),
        ("h/d\0", "postgresql://user:password@host"),
        ("h/my d", "postgresql://user:password@host"),
        ("[::1/d", "postgresql://user:password@host"),
    ],
)
def test_a_wrong_part_is_named_and_no_password_shown(rest: str, allowed: str) -> None:
    with pytest.raises(InvalidDatabaseURL) as raised:
        parsed(f"postgresql://ann:s3cret@{rest}")
    assert raised.value.field == "database"
    assert allowed in raised.value.allowed
    assert "s3cret" not in f"{raised.value!r} {raised.value}"


@pytest.mark.parametrize("password", ["s3/cret", "s3?cret", "s3#cret", "s3@cret/"])
def test_what_must_be_escaped_in_a_password(password: str) -> None:
    with pytest.raises(InvalidDatabaseURL, match=r"%2F, %3F, %23 and %40") as raised:
        parsed(f"postgresql://ann:{password}@h/d")
    assert "cret" not in f"{raised.value!r} {raised.value}"
