"""Percentiles from buckets, beside exact ones."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiribi.distribution import ERROR, Distribution, bucket

DURATIONS = st.integers(0, 100 * 366 * 86_400_000)


@given(st.lists(DURATIONS, min_size=1), st.integers(0, 100))
def test_a_percentile_is_within_the_error_stated(durations: list[int], percent: int) -> None:
    told = Distribution(Counter(map(bucket, durations))).percentile(percent)
    exact = sorted(durations)[max(0, math.ceil(len(durations) * percent / 100) - 1)]
    assert told == pytest.approx(exact, rel=ERROR)


@given(st.lists(st.lists(DURATIONS)))
def test_merging_is_as_if_counted_at_once(parts: list[list[int]]) -> None:
    each = [{str(at): n for at, n in Counter(map(bucket, part)).items()} for part in parts]
    whole = Counter(bucket(ms) for part in parts for ms in part)
    assert Distribution.merged(each) == Distribution(whole)


@pytest.mark.parametrize("ms", range(7))
def test_small_ones_are_exact(ms: int) -> None:
    assert Distribution({bucket(ms): 1}).p50 == ms


def test_nothing_has_no_percentile() -> None:
    assert (Distribution().number, Distribution().p50, Distribution().p99) == (0, None, None)


def test_there_are_few_buckets() -> None:
    year = {bucket(round(1.01**n)) for n in range(2_600)}
    assert len(year) < 150
