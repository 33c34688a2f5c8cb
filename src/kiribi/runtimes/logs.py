"""Where processes of ours log: standard error, unless the application has arranged something."""

from __future__ import annotations

import logging


def log_to_stderr() -> None:
    """Show what Kiribi logs, from level INFO on, if nobody else shows it."""
    logger = logging.getLogger("kiribi")
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
