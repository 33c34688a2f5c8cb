"""Where in the user's own code an error was raised."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kiribi._failure import described
from kiribi._origin import origin_of
from kiribi.errors import KiribiTimeoutError
from kiribi.lifecycle import fingerprint

SOURCE = """
import json

def parse(text):
    return json.loads(text)

class Task:
    def perform(self, payload):
        return parse(payload)

    def call(self, function):
        return function()

lambdas = lambda: 1 / 0
"""


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    loaded: list[str] = []

    def load(place: str, name: str, source: str = SOURCE) -> ModuleType:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def origin(act: Callable[[], object], home: str = "") -> str:
    try:
        act()
    except Exception as error:
        return origin_of(error.__traceback__.tb_next if error.__traceback__ else None, home)
    raise AssertionError


def test_the_innermost_of_ones_own(load: Callable[..., ModuleType]) -> None:
    app = load("app.py", "app_1a2b3c4d")
    assert origin(lambda: app.Task().perform("{")).endswith("app:parse")
    assert origin(app.lambdas) == "app:<lambda>"


def test_neither_installed_packages_nor_the_standard_library(
    load: Callable[..., ModuleType],
) -> None:
    app = load("app.py", "app_1a2b3c4d")
    library = load("lib/site-packages/library.py", "library")
    here = origin(lambda: app.Task().call(lambda: library.parse("{")))
    assert here.startswith("tests.unit.test_origin:test_neither")
    assert origin(lambda: app.Task().call(library.lambdas)) == "app:Task.call"
    assert origin(library.lambdas) == ""


def test_an_application_that_is_installed_is_ones_own(load: Callable[..., ModuleType]) -> None:
    load("lib/site-packages/shop/__init__.py", "shop", "")
    mail = load("lib/site-packages/shop/mail.py", "shop.mail")
    assert origin(lambda: mail.parse("{"), home="shop.jobs").endswith("shop.mail:parse")
    assert origin(mail.lambdas, home="shop.jobs") == "shop.mail:<lambda>"
    assert origin(mail.lambdas, home="other.jobs") == ""


def test_the_same_wherever_the_file_lies(load: Callable[..., ModuleType]) -> None:
    """As another digest of the path is in the name of a module loaded by it."""
    here, there = load("a/app.py", "app_11111111"), load("b/app.py", "app_22222222")
    assert origin(here.lambdas) == origin(there.lambdas) == "app:<lambda>"


def test_an_edit_elsewhere_in_the_file_changes_nothing(load: Callable[..., ModuleType]) -> None:
    before = load("a/app.py", "app_1")
    after = load("b/app.py", "app_2", "# a new line\n\n" + SOURCE)

    def line(act: Callable[[], object]) -> int | None:
        try:
            act()
        except Exception as error:
            return traceback.extract_tb(error.__traceback__)[-1].lineno
        raise AssertionError

    assert line(before.lambdas) != line(after.lambdas)
    assert origin(before.lambdas) == origin(after.lambdas)


def test_where_the_time_ran_out_is_chance(load: Callable[..., ModuleType]) -> None:
    app = load("app.py", "app_1a2b3c4d")
    late = KiribiTimeoutError("the attempt exceeded its timeout of 3 s")

    def run_out() -> None:
        raise late

    with pytest.raises(KiribiTimeoutError) as raised:
        app.Task().call(run_out)
    assert described(raised.value, "app_1a2b3c4d").origin == ""


def test_a_fingerprint_is_short_and_takes_any_text() -> None:
    assert fingerprint("A", "\ud800", "x:y") != fingerprint("A", "X", "x:y")
    assert len(fingerprint("A", "B", "")) == 16
