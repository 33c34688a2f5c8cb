"""Retry delays: their bounds, and what jitter does to them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiribi import Exponential, InvalidInput
from kiribi.backoff import DEFAULT, delay
from kiribi.errors import YEAR

policies = st.builds(
    Exponential, base=st.floats(1, 1_000), cap=st.floats(0, YEAR, allow_subnormal=False)
)
jitters = st.floats(0, 1, exclude_max=True)


def test_grows_by_the_base_up_to_the_cap() -> None:
    bounds = [delay(Exponential(2, 60), failures, 1.0) for failures in range(1, 9)]
    assert bounds == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_number_is_constant() -> None:
    assert [delay(7.5, failures, 0.3) for failures in (1, 2, 1_000)] == [7.5] * 3


def test_the_default() -> None:
    assert Exponential(base=2, cap=3600) == DEFAULT


@given(policies, st.integers(1, 1_000), jitters)
def test_is_between_zero_and_the_cap_however_many_failures(
    policy: Exponential, failures: int, jitter: float
) -> None:
    seconds = delay(policy, failures, jitter)
    assert 0 <= seconds <= policy.cap
    assert math.isfinite(seconds)


@given(policies, st.integers(1, 999), jitters)
def test_never_shrinks_with_failures(policy: Exponential, failures: int, jitter: float) -> None:
    assert delay(policy, failures, jitter) <= delay(policy, failures + 1, jitter)


@given(policies, st.integers(1, 1_000), st.lists(jitters, min_size=2, max_size=2))
def test_full_jitter_spreads_evenly(policy: Exponential, failures: int, draws: list[float]) -> None:
    bound = delay(policy, failures, 1.0)
    assert [delay(policy, failures, draw) for draw in draws] == [bound * draw for draw in draws]


@pytest.mark.parametrize(
    ("base", "cap", "field"),
    [
        (0.5, 60, "retry_delay.base"),
        (1_001, 60, "retry_delay.base"),
        (math.nan, 60, "retry_delay.base"),
        (True, 60, "retry_delay.base"),
        ("2", 60, "retry_delay.base"),
        (2, -1, "retry_delay.cap"),
        (2, math.inf, "retry_delay.cap"),
        (2, YEAR + 1, "retry_delay.cap"),
        (2, 10**400, "retry_delay.cap"),
    ],
)
def test_refuses(base: float, cap: float, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Exponential(base, cap)
    assert refusal.value.field == field


def test_whole_numbers_are_the_same_policy() -> None:
    assert repr(Exponential(2, 60)) == repr(Exponential(2.0, 60.0))
