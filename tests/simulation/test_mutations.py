"""The simulation bites: each of these mistakes breaks the promise within some hundreds of seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest
from tests.simulation.crowd import pool
from tests.simulation.mutations import MUTATIONS, applied, hunt

SEEDS = 2_000
"""For most, a few suffice; the rarest mistake takes so many."""

Hunted = Future[tuple[int, str] | None]


@pytest.fixture(scope="module")
def hunted() -> Iterator[Mapping[str, Hunted]]:
    with pool() as executor:
        yield {name: executor.submit(hunt, name, SEEDS) for name in MUTATIONS}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_is_caught(name: str, hunted: Mapping[str, Hunted]) -> None:
    caught = hunted[name].result()
    assert caught is not None, f"{name}: it survives {SEEDS} seeds"
    print(f"seed {caught[0]}: {caught[1]}")


def test_a_mistake_that_cannot_be_made_any_more_says_so() -> None:
    moved = ("claim_best.sql", "a line that was rewritten", "")
    with pytest.raises(LookupError, match=r"no 'a line that was rewritten'"), applied([moved]):
        pass
