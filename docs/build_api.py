"""Write `docs/api.md`, the reference, from the docstrings; `--check`: is it what they say?"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_overloads

import kiribi
from kiribi import blocking, testing
from kiribi._schedules import Schedules
from kiribi.runtimes.worker import Worker

PAGE = Path(__file__).parent / "api.md"
HEAD = """# Python reference

Made from the docstrings by `python docs/build_api.py`; what is imported from `kiribi` unless it
says otherwise. The pages of the [index](index.md) explain, this one lists.
"""
FOR_RUNTIMES = {"begin", "bind", "register", "start", "tick", "hooked", "parse", "stored"}
FOR_RUNTIMES |= {"declared", "hold", "ticks"}
"""Public methods that applications don't call."""


def page() -> str:
    """The whole reference."""
    errors = [v for v in _public() if issubclass(v, BaseException)]
    groups = [
        ("The manager", [kiribi.Kiribi, kiribi.Meta, kiribi.Acted]),
        ("Performers", [kiribi.Performer, kiribi.Exponential]),
        (
            "Recurring jobs",
            [Schedules, kiribi.Cron, kiribi.Every, kiribi.Schedule, kiribi.ScheduleInfo],
        ),
        ("Options", [kiribi.EnqueueOptions]),
        ("Jobs", [kiribi.Job, kiribi.JobStatus, kiribi.Attempt, kiribi.Outcome, kiribi.JobError]),
    ]
    shown = {cls for _, classes in groups for cls in classes} | set(errors)
    groups += [
        ("Searching", [cls for cls in _public() if cls not in shown]),
        ("Signals and errors", errors),
    ]
    parts = [HEAD]
    for title, classes in groups:
        parts += [f"## {title}", *(text for cls in classes for text in _class(cls))]
    parts += ["## Ids", *_function(kiribi.new_id, "###")]
    parts += ["## `kiribi.blocking`", _prose(inspect.getdoc(blocking) or "")]
    parts += _class(blocking.BlockingKiribi)
    parts += ["## `kiribi.testing`", _prose(inspect.getdoc(testing) or "")]
    parts += _class(testing.FakeClock)
    for function in (testing.connected, testing.run, testing.drain, testing.assert_enqueued):
        parts += _function(function, "###")
    parts += ["## `kiribi.runtimes.worker`", *_class(Worker)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _public() -> list[type[Any]]:
    return [v for name in kiribi.__all__ if isinstance(v := getattr(kiribi, name), type)]


def _class(cls: type[Any]) -> Iterator[str]:
    yield f"### {cls.__name__}"
    if issubclass(cls, BaseException):
        bases = ", ".join(f"`{base.__name__}`" for base in cls.__bases__)
        yield f"A {bases}."
    if doc := inspect.getdoc(cls):
        yield _prose(doc)
    if issubclass(cls, enum.Enum):
        yield ", ".join(f"`{member.value}`" for member in cls)
    elif dataclasses.is_dataclass(cls):
        yield "\n".join(f"- `{field.name}: {field.type}`" for field in dataclasses.fields(cls))
    for name, member in _members(cls):
        if isinstance(member, property):
            yield f"#### `{name}`"
            yield _prose(inspect.getdoc(member) or "")
        else:
            yield from _function(member, "####")


def _members(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """The documented members of a class and of its bases in the package, in their order."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("kiribi") or issubclass(base, BaseException):
            continue
        for name, raw in vars(base).items():
            member = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
            if (
                name.startswith("_")
                or name in seen | FOR_RUNTIMES
                or not (inspect.isroutine(member) or isinstance(member, property))
                or not inspect.getdoc(member)
            ):
                continue
            seen.add(name)
            yield name, member


def _function(function: Callable[..., Any], level: str) -> Iterator[str]:
    yield f"{level} `{function.__name__}`"
    target: Any = inspect.unwrap(function)
    forms = [_signature(form) for form in get_overloads(target) or [target]]
    yield "```text\n" + "\n".join(forms) + "\n```"
    yield _prose(inspect.getdoc(target) or "")


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    shown: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        shown.append(_parameter(parameter))
    kind = "async " if inspect.iscoroutinefunction(function) else ""
    return f"{kind}{function.__name__}({', '.join(shown)}) -> {signature.return_annotation}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    text = f"{stars}{parameter.name}: {parameter.annotation}"
    default = parameter.default
    if default is parameter.empty:
        return text
    return f"{text} = {_value(default)}"


def _value(value: Any) -> str:
    if value is ...:
        return "..."
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, enum.Enum):
        return str(value)
    return value.__name__ if isinstance(value, type) else repr(value)


def _prose(doc: str) -> str:
    """A docstring as Markdown: its `Args:`, `Attributes:` and `Raises:` as lists."""
    lines: list[str] = []
    section = False
    code = False
    for line in doc.splitlines():
        code ^= line.lstrip().startswith("```")
        if not code and re.fullmatch(r"(Args|Attributes|Raises|Returns):.*", line):
            section = True
            lines += ["", f"*{line.rstrip(':')}*" if line.endswith(":") else f"*{line}*", ""]
        elif section and not code and line.startswith("    ") and not line.startswith("     "):
            lines.append(re.sub(r"^    ([^:`]+):", r"- `\1`:", line))
        elif section and line.startswith("     "):
            lines.append("  " + line.strip())
        else:
            section = section and not line
            lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def main() -> int:
    """Write the page, or say whether it is fresh."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text("utf-8") == text:
        return 0
    sys.stderr.write("docs/api.md is not what the docstrings say: run python docs/build_api.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
