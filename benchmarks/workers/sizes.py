"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of each measurement.

    Attributes:
        jobs: how many a throughput is measured over.
        repeat: how often each figure is measured; the median counts.
        warm: jobs before the first measurement.
    """

    jobs: int
    repeat: int
    warm: int = 50

    QUICK: ClassVar[Self]


Sizes.QUICK = Sizes(jobs=20, repeat=1, warm=5)
