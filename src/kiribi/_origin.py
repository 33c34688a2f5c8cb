"""Where in the user's own code an exception was raised: what failures are grouped by.

The user's own is what the performer's module and its package have, wherever they are installed,
and beyond that all code that belongs neither to Python's library, nor to installed packages, nor
to Kiribi. Without line numbers, so that an edit elsewhere in the file doesn't split a group.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from types import FrameType, TracebackType

INSTALLED = {"site-packages", "dist-packages", "python_modules"}
OURS = "kiribi"


def origin_of(tb: TracebackType | None, home: str) -> str:
    """`module:function` of the innermost frame of the user's own code; empty if there is none."""
    found = ""
    while tb is not None:
        if _is_own(tb.tb_frame, home):
            found = f"{_module(tb.tb_frame)}:{tb.tb_frame.f_code.co_qualname}"
        tb = tb.tb_next
    return found


def _is_own(frame: FrameType, home: str) -> bool:
    module = frame.f_globals.get("__name__", "")
    package = home.partition(".")[0]
    if home and (module == home or (package != OURS and module.partition(".")[0] == package)):
        return True
    path = frame.f_code.co_filename
    return not (
        path.startswith(("<", *_libraries())) or INSTALLED.intersection(Path(path).parts[:-1])
    )


def _module(frame: FrameType) -> str:
    """The name of its module; outside of a package, of its file: loaded by path, it has another."""
    names = frame.f_globals
    if names.get("__package__"):
        spec = names.get("__spec__")
        return str(names["__name__"] if spec is None else spec.name)
    return Path(frame.f_code.co_filename).stem


@functools.cache
def _libraries() -> tuple[str, ...]:
    import sysconfig

    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    return tuple(f"{path}{os.sep}" for path in (Path(__file__).parent, *paths))
