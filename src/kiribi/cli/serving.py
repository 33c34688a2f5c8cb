"""`kiribi dev|worker|serve`: what keeps running."""

from __future__ import annotations


def dev() -> None:
    """Dev."""


def worker() -> None:
    """Worker."""


def serve() -> None:
    """Serve."""
