"""What runs only where the Workers runtime can be installed."""

from __future__ import annotations

import functools

import pytest
from tests.workers import toolchain


@functools.cache
def _missing() -> str | None:
    try:
        toolchain.ready()
    except toolchain.NotInstalled as error:
        return f"the Workers runtime cannot be installed: {error}"
    return None


def require() -> None:
    """Skip, loudly, where there is no Workers runtime (and fail under KIRIBI_REQUIRE_ALL)."""
    if reason := _missing():
        pytest.skip(reason)
