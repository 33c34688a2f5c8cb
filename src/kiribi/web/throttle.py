"""Slows down guessing: few wrong tokens a minute from one address."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from time import monotonic

FAILURES = 10
SECONDS = 60.0
ADDRESSES = 10_000
"""Addresses remembered; the one that failed longest ago is forgotten first."""


class Throttle:
    """Counts failures by address within the last minute."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def seconds_left(self, address: str) -> int:
        """How long an address with too many failures has to wait; 0 if it may try."""
        count, until = self._failures.get(_site(address), (0, 0.0))
        left = until - monotonic()
        return math.ceil(left) if count >= FAILURES and left > 0 else 0

    def failed(self, address: str) -> None:
        """Note a failure."""
        now, address = monotonic(), _site(address)
        count, until = self._failures.pop(address, (0, 0.0))
        fresh = until <= now
        self._failures[address] = (1 if fresh else count + 1, now + SECONDS if fresh else until)
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)


def _site(address: str) -> str:
    """Whom an address belongs to: in IPv6 everybody has 2**64 of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return found.exploded[:19] if found.version == 6 else address
