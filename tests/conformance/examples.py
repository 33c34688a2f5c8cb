"""How many random examples a store is tried with."""

from __future__ import annotations

from tests.conformance.conftest import D1, Opener, Postgres

ACROSS = 3
"""A step over a socket takes six times as long; all that is left are a third of the examples."""
AFAR = 5
"""D1 has SQLite's own statements, and a step takes thirty times as long."""


def examples(opener: Opener, most: int) -> int:
    """`most` where each step is quick."""
    match opener:
        case D1():
            return most // AFAR
        case Postgres():
            return most // ACROSS
        case _:
            return most
