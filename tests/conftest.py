"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

# Other work on the machine must not fail a test: pytest's own timeout ends what hangs.
settings.register_profile(
    "kiribi", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kiribi")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
REQUIRE_ALL = os.environ.get("KIRIBI_REQUIRE_ALL") == "1"
"""Nothing may be skipped: what is missing, the machine should provide (`.ci/run` does)."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips itself."""
    return _required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that skips itself."""
    return _required((yield))


def _required(report: Report) -> Report:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"KIRIBI_REQUIRE_ALL allows no skip: {report.longrepr}"
    return report
