"""Where another process finds the classes of this one."""

from __future__ import annotations

import sys


def source_of(owner: type) -> str:
    """The file or module that defines `owner`, as `application.load` takes it.

    A module outside of a package is given by its file, because its name may be another's
    elsewhere (`__main__`).
    """
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    if getattr(module, "__package__", None) or file is None:
        spec = getattr(module, "__spec__", None)
        return owner.__module__ if spec is None else spec.name
    return str(file)
