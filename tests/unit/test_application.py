"""Loading APP as users write it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiribi import InvalidApplication, Kiribi
from kiribi._source import source_of
from kiribi.application import load
from kiribi.performer import performers_in

APP = """
from kiribi import Kiribi, Performer

class Ping(Performer):
    def perform(self, payload): ...
"""
DEFAULT = f"{APP}\nclass Default(Kiribi): ...\n"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file.resolve()


@pytest.mark.parametrize("app", ["shop.py", "./shop.py", "shop.py:Default", "shop", "shop:Default"])
def test_a_file_or_a_module(app: str) -> None:
    write("shop.py", DEFAULT)
    application = load(app)
    assert application.manager.__name__ == "Default"
    assert performers_in(application.module).keys() == {"PING"}


def test_a_module_in_a_package_beside_a_folder_of_its_name() -> None:
    write("shop/__init__.py", "from shop.jobs import Default, Ping")
    write("shop/jobs.py", DEFAULT)
    assert load("shop").manager is load("shop.jobs:Default").manager


def test_without_a_manager_it_is_the_plain_one() -> None:
    write("shop.py", APP)
    assert load("shop.py").manager is Kiribi


def test_neighbours_are_importable() -> None:
    write("lib/shop.py", "from neighbour import Default")
    write("lib/neighbour.py", DEFAULT)
    assert load("lib/shop.py").manager.__name__ == "Default"


def test_two_files_of_one_name_are_two_modules() -> None:
    write("a/app.py", DEFAULT)
    write("b/app.py", DEFAULT)
    assert load("a/app.py").module is not load("b/app.py").module


def test_source_is_what_another_process_loads() -> None:
    file = write("shop.py", f"{DEFAULT}\nclass Other(Kiribi): ...\n")
    application = load("shop.py:Other")
    assert application.source == f"{file}:Other"
    assert load(application.source).manager.__name__ == "Other"


def test_the_source_of_a_class() -> None:
    file = write("shop.py", DEFAULT)
    write("pkg/__init__.py", "")
    write("pkg/jobs.py", DEFAULT)
    assert source_of(load("shop.py").manager) == str(file)
    assert source_of(load("shop").manager) == str(file)
    assert source_of(load("pkg.jobs").manager) == "pkg.jobs"


def test_a_base_of_the_manager_is_not_meant() -> None:
    write("base.py", "from kiribi import Kiribi\nclass Base(Kiribi): ...")
    write("shop.py", "from base import Base\nclass Shop(Base): ...\nAlias = Shop")
    assert load("shop.py").manager.__name__ == "Shop"


def test_default_is_chosen_among_several() -> None:
    write("shop.py", f"{DEFAULT}\nclass Other(Kiribi): ...\n")
    assert load("shop.py").manager.__name__ == "Default"


@pytest.mark.parametrize(
    ("app", "text", "message"),
    [
        ("missing.py", None, "APP: 'missing.py' is not allowed; there is no such file"),
        ("missing", None, "importing it raised ModuleNotFoundError: No module named 'missing'"),
        ("", None, "importing it raised ValueError: Empty module name"),
        ("shop.py", "1 / 0", "importing it raised ZeroDivisionError: division by zero"),
        ("shop.py", "raise SystemExit(3)", "importing it raised SystemExit: 3"),
        ("shop.py", "def", "importing it raised SyntaxError"),
        ("shop.py:Nope", DEFAULT, "Nope is no subclass of Kiribi in it"),
        ("shop.py:Ping", DEFAULT, "Ping is no subclass of Kiribi in it"),
        ("C:\\shop.py", None, "there is no such file"),
        (
            "shop.py",
            "from kiribi import Kiribi\nclass A(Kiribi): ...\nclass B(Kiribi): ...",
            "it has several managers, name one of A, B",
        ),
        (
            "shop.py",
            "from kiribi import Performer\nclass A(Performer):\n max_attempts = 0",
            "A.max_attempts: 0 is not allowed; give a whole number from 1 to 1,000",
        ),
    ],
)
def test_refuses(app: str, text: str | None, message: str) -> None:
    if text is not None:
        write("shop.py", text)
    with pytest.raises(InvalidApplication) as refusal:
        load(app)
    assert refusal.value.field == "APP"
    assert message in str(refusal.value)


def test_what_failed_to_import_can_be_mended() -> None:
    write("shop.py", "1 / 0")
    with pytest.raises(InvalidApplication):
        load("shop.py")
    write("shop.py", DEFAULT)
    assert load("shop.py").manager.__name__ == "Default"
