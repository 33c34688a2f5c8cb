"""What type checkers know of an application: pyright on a snippet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SNIPPET = Path(__file__).with_name("typed") / "snippet.py"


def test_pyright_finds_each_mistake_and_no_other() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", str(SNIPPET)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(run.stdout)["generalDiagnostics"]
    lines = SNIPPET.read_text().splitlines()
    expected = {number for number, line in enumerate(lines) if line.endswith("# error:")}
    reported = {one["range"]["start"]["line"] for one in found}
    assert expected
    assert reported == expected, json.dumps(found, indent=2)
