# What a Python Worker sees of JavaScript.
from typing import Any

def __getattr__(name: str) -> Any: ...
