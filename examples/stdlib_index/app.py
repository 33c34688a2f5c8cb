"""One job reads one source file of Python's standard library, in a child process."""

import ast
import sysconfig
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

from kiribi import Discard, Performer

Function = ast.FunctionDef | ast.AsyncFunctionDef
STDLIB = Path(sysconfig.get_path("stdlib"))


@dataclass
class Source:
    """A file, by its path within the standard library."""

    path: str


@dataclass
class Summary:
    """What a file defines, and its longest function."""

    lines: int
    classes: int
    functions: int
    longest: str
    longest_lines: int


class IndexFile(Performer):
    """Parsing is work for the processor: in child processes it uses every core."""

    executor = "process"
    timeout = 60

    def perform(self, payload: Source) -> Summary:
        try:
            with tokenize.open(STDLIB / payload.path) as file:
                text = file.read()
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError) as error:
            raise Discard(f"{type(error).__name__}: {error}") from error
        nodes = list(ast.walk(tree))
        functions = [node for node in nodes if isinstance(node, Function)]
        longest = max(functions, key=length, default=None)
        return Summary(
            lines=text.count("\n"),
            classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
            functions=len(functions),
            longest=longest.name if longest else "",
            longest_lines=length(longest) if longest else 0,
        )


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def sources() -> list[str]:
    """The source files of the running Python's standard library."""
    installed = {"site-packages", "dist-packages"}
    return sorted(
        path.relative_to(STDLIB).as_posix()
        for path in STDLIB.rglob("*.py")
        if not installed & set(path.parts)
    )
