"""What time it is on a server, whatever clock this machine has."""

from __future__ import annotations

import time

FRESH_SECONDS = 300.0
"""How long one look is good for: two clocks that run freely part by less than a tenth of that."""
STEP_SECONDS = 1.0
"""If this machine's clock goes by so much more or less than it should, it was set, or it slept."""


class ServerClock:
    """The server's time, from a look at it and this machine's monotonic clock since then."""

    def __init__(self) -> None:
        self._ms: int | None = None
        self._seen = self._wall = 0.0

    def set(self, ms: int) -> None:
        """It was `ms`, epoch milliseconds, just now."""
        self._ms, self._seen, self._wall = ms, time.monotonic(), time.time()

    @property
    def is_stale(self) -> bool:
        """Whether to look again."""
        since = time.monotonic() - self._seen
        stepped = abs(time.time() - self._wall - since) > STEP_SECONDS
        return self._ms is None or since > FRESH_SECONDS or stepped

    def now_ms(self) -> int:
        """Epoch milliseconds; this machine's, before the first look."""
        if self._ms is None:
            return time.time_ns() // 1_000_000
        return self._ms + round((time.monotonic() - self._seen) * 1000)
