"""How long things take: counts by fixed logarithmic buckets, small and mergeable. Pure.

Four buckets to a doubling: any percentile is within 9 % of the exact one, up to 6 ms exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PER_DOUBLING = 4
ERROR = 0.09
"""A percentile is off by this share of the exact one at most."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations in whole milliseconds.

    Attributes:
        counts: how many fell into each bucket: -1 holds none, 0 one millisecond, b > 0 those
            above 2 ** ((b - 1) / 4) up to 2 ** (b / 4).
    """

    counts: Mapping[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def merged(cls, parts: Iterable[Mapping[str, int]]) -> Distribution:
        """One from the counts of several, their buckets as JSON has them: as texts."""
        counts: dict[str, int] = {}
        for part in parts:
            for at, number in part.items():
                counts[at] = counts.get(at, 0) + number
        return cls({int(at): number for at, number in counts.items()})

    @property
    def number(self) -> int:
        """How many durations it holds."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """The least duration in milliseconds that so many percent do not exceed; None of none."""
        rank = max(1, math.ceil(self.number * percent / 100))
        for at in sorted(self.counts):
            rank -= self.counts[at]
            if rank <= 0:
                return _middle(at)
        return None

    @property
    def p50(self) -> float | None:
        """The median."""
        return self.percentile(50)

    @property
    def p95(self) -> float | None:
        """What one in twenty exceeds."""
        return self.percentile(95)

    @property
    def p99(self) -> float | None:
        """What one in a hundred exceeds."""
        return self.percentile(99)


def bucket(ms: int) -> int:
    """Where a duration falls."""
    return math.ceil(PER_DOUBLING * math.log2(ms)) if ms > 0 else -1


def _middle(at: int) -> float:
    """What is off by the same share from the least and from the greatest duration of a bucket."""
    if at < 1:
        return float(at + 1)
    least, most = int(2 ** ((at - 1) / PER_DOUBLING)) + 1, int(2 ** (at / PER_DOUBLING))
    return 2 * least * most / (least + most)
