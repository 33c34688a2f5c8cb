"""What a job may do, told a second time and in other words than `kiribi.lifecycle`."""

from __future__ import annotations

from dataclasses import dataclass, field

WAITING = {"PENDING", "RETRY_PENDING"}
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


@dataclass
class Model:
    """One job as it should be.

    Attributes:
        past: how each attempt ended, oldest first.
        error: the type of the error it should show; None: none.
    """

    status: str = "PENDING"
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    asked_to_stop: bool = False
    error: str | None = None
    past: list[str] = field(default_factory=list)

    def claim(self) -> None:
        self.status = "PROCESSING"
        self.attempts += 1

    def complete(self) -> None:
        self._end("completed", "COMPLETED", None)

    def fail(self, allowed: int, *, hopeless: bool) -> None:
        self.failures += 1
        more = self.failures < allowed and not hopeless and not self.asked_to_stop
        self._end("failed", "RETRY_PENDING" if more else "FAILED", "ValueError")

    def snooze(self) -> None:
        self._end("snoozed", "CANCELLED" if self.asked_to_stop else "PENDING", self.error)

    def release(self) -> None:
        went_wrong = self.failures + self.crashes > 0
        status = "RETRY_PENDING" if went_wrong else "PENDING"
        self._end("released", "CANCELLED" if self.asked_to_stop else status, self.error)

    def crash(self) -> None:
        self.crashes += 1
        status = "CANCELLED" if self.asked_to_stop else "RETRY_PENDING"
        self._end("crashed", "FAILED" if self.crashes == 3 else status, "WorkerLost")

    def stop(self) -> None:
        self._end("cancelled", "CANCELLED", "Cancel")

    def cancel(self) -> None:
        if self.status == "PROCESSING":
            self.asked_to_stop = True
        else:
            self.status = "CANCELLED"

    def retry(self) -> None:
        self.status, self.failures, self.crashes, self.error = "PENDING", 0, 0, None

    def _end(self, outcome: str, status: str, error: str | None) -> None:
        self.past.append(outcome)
        self.status, self.error, self.asked_to_stop = status, error, False
