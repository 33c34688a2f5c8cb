# Pyodide's bridge to JavaScript, as far as Kiribi uses it.
from collections.abc import Callable
from typing import Any

class JsException(Exception):
    name: str
    message: str
    stack: str | None

class JsProxy: ...

jsnull: Any

def create_once_callable(value: Callable[..., Any]) -> Any: ...
def create_proxy(value: Callable[..., Any]) -> Any: ...
def to_js(value: Any) -> Any: ...
