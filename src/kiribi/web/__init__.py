"""The REST API and the dashboard, as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiribi.web.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    # The command line uses `kiribi.web.wire` alone: it must not wait for a framework to load.
    if name == "create_app":
        from kiribi.web.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
