"""From APP as users write it (`app.py`, `app.py:Default`, `pkg.mod:Default`) to its classes."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kiribi.errors import InvalidApplication, KiribiError
from kiribi.manager import Kiribi


@dataclass(frozen=True, slots=True)
class Application:
    """A loaded application: its module and its manager's class.

    Attributes:
        source: APP in a form that another process can load.
    """

    module: ModuleType
    manager: type[Kiribi]
    source: str


def load(app: str) -> Application:
    """Import APP and find its manager (or use a plain `Kiribi` if it defines none).

    Raises:
        InvalidApplication: it cannot be found or imported, or has no such or several managers.
    """
    target, name = split(app)
    path = Path(target)
    if path.suffix == ".py" or path.is_file():
        module, target = _file(path, app), str(path.resolve())
    else:
        module = _module(target, app)
    manager = _manager(module, name, app)
    return Application(module, manager, f"{target}:{name}" if name else target)


def split(app: str) -> tuple[str, str]:
    """APP as its file or module, and the name of a manager's class (or nothing)."""
    target, _, name = app.rpartition(":")
    # no colon, or that of `C:\\app.py`
    return (target, name) if target and name.isidentifier() else (app, "")


def _file(path: Path, app: str) -> ModuleType:
    if not path.is_file():
        raise InvalidApplication("APP", app, "there is no such file")
    path = path.resolve()
    # Its neighbours are importable, as they are when Python runs the file itself.
    _make_importable(path.parent)
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = path.stem if path.stem.isidentifier() else "application"
    spec = importlib.util.spec_from_file_location(f"{name}_{digest}", path)
    if spec is None or spec.loader is None:
        raise InvalidApplication("APP", app, "give a Python file or module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise _unimportable(app, error) from error
    return module


def _module(name: str, app: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _unimportable(app, error) from error


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _unimportable(app: str, error: BaseException) -> KiribiError:
    what = str(error)
    if not isinstance(error, KiribiError):
        what = f"importing it raised {type(error).__name__}: {error}"
    return InvalidApplication("APP", app, f"{what}{_place(error)}")


def _place(error: BaseException) -> str:
    """Where in the application it was raised, as a SyntaxError says by itself."""
    import sysconfig
    import traceback

    if isinstance(error, SyntaxError):
        return ""
    libraries = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    others = ("<", str(Path(__file__).parent), *libraries)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(others)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _manager(module: ModuleType, name: str, app: str) -> type[Kiribi]:
    if name:
        named = getattr(module, name, None)
        if not (isinstance(named, type) and issubclass(named, Kiribi)):
            raise InvalidApplication("APP", app, f"{name} is no subclass of Kiribi in it")
        return named
    own = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Kiribi) and value is not Kiribi
    }
    # A base of another is not meant itself.
    own -= {base for value in own for base in value.__mro__[1:]}
    chosen = [value for value in own if value.__name__ == "Default"] or sorted(own, key=repr)
    if len(chosen) > 1:
        names = ", ".join(value.__name__ for value in chosen)
        raise InvalidApplication("APP", app, f"it has several managers, name one of {names}")
    return chosen[0] if chosen else Kiribi
