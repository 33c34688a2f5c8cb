"""The server's time, whatever this machine's clocks do."""

from __future__ import annotations

import time

import pytest

from kiribi.stores._server_clock import FRESH_SECONDS, ServerClock

SERVER = 1_900_000_000_000


class Machine:
    """Its clocks: one that may be set, and one that stands still while it sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = 1_000.0, 50.0
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_it_goes_on_from_the_last_look(machine: Machine) -> None:
    clock = ServerClock()
    assert clock.is_stale
    clock.set(SERVER)
    machine.run(1.5)
    assert (clock.now_ms(), clock.is_stale) == (SERVER + 1_500, False)
    machine.run(FRESH_SECONDS)
    assert clock.is_stale


@pytest.mark.parametrize("seconds", [-3_600, -2, 2, 3_600])
def test_a_machine_that_slept_or_was_set_looks_again(machine: Machine, seconds: float) -> None:
    clock = ServerClock()
    clock.set(SERVER)
    machine.wall += seconds
    assert clock.is_stale
    assert clock.now_ms() == SERVER, "what this machine believes is nobody's time"
    clock.set(SERVER + 7)
    assert (clock.now_ms(), clock.is_stale) == (SERVER + 7, False)
