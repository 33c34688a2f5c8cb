"""npm's Pyodide as the bundle that workerd loads: one Cap'n Proto message of three modules.

The glue that Emscripten made expects a browser. An isolate compiles WebAssembly only through its
own functions, and has no clock and no randomness while it starts; workerd offers stand-ins for
all of these in `pyodide-internal:builtin_wrappers`, to which the glue's calls are turned here.
"""

from __future__ import annotations

import struct
from pathlib import Path

STAND_INS = (
    "addEventListener",
    "getRandomValues",
    "location",
    "monotonicDateNow",
    "newWasmModule",
    "patchedLoadLibData",
    "wasmInstantiate",
)
TURNED = {
    # by this name workerd imports it
    "export default _createPyodideModule": "export { _createPyodideModule }",
    "new WebAssembly.Module(": "newWasmModule(",
    "WebAssembly.instantiate(": "wasmInstantiate(",
    "Date.now": "monotonicDateNow",
    "crypto.getRandomValues(view)": "getRandomValues(Module, view)",
    # shared libraries come compiled from the Worker's files, at an address workerd remembers
    "function loadLibData(){": (
        "function loadLibData(){return patchedLoadLibData(Module, libName, flags.rpath);"
    ),
    "getMemory(metadata": "Module.getMemoryPatched(Module, libName, metadata",
}
SRC, WASM, DATA = 0, 1, 2
INTERNAL = 2


def bundle(pyodide: Path) -> bytes:
    """The bundle made from npm's package in the folder `pyodide`."""
    return message(
        [
            ("pyodide.asm", SRC, glue((pyodide / "pyodide.asm.mjs").read_text("utf-8")).encode()),
            ("pyodide.asm.wasm", WASM, (pyodide / "pyodide.asm.wasm").read_bytes()),
            ("python_stdlib.zip", DATA, (pyodide / "python_stdlib.zip").read_bytes()),
        ]
    )


def glue(source: str) -> str:
    """Emscripten's module for an isolate."""
    for browser, isolate in TURNED.items():
        assert browser in source, f"another Pyodide than this was written for: no {browser}"
        source = source.replace(browser, isolate)
    stand_ins = ", ".join(STAND_INS)
    return f'import {{ {stand_ins} }} from "pyodide-internal:builtin_wrappers";\n{source}'


def message(modules: list[tuple[str, int, bytes]]) -> bytes:
    """`Bundle { modules :List(Module) }` of workerd's modules.capnp, in one segment.

    A Module is one word of data (type, and which of its kinds it is) and three pointers (name,
    content, type declarations).
    """
    body = bytearray(struct.pack("<IHH", 0, 0, 1))  # the root, with one pointer
    body += struct.pack("<II", 1, 4 * len(modules) << 3 | 7)  # to a list of structs
    body += struct.pack("<IHH", len(modules) << 2, 1, 3)  # so many, each of this size
    first = len(body)
    body += bytes(32 * len(modules))

    def point(at: int, content: bytes) -> None:
        words = (len(body) - at - 8) // 8
        struct.pack_into("<II", body, at, words << 2 | 1, len(content) << 3 | 2)
        body.extend(content + bytes(-len(content) % 8))

    for place, (name, kind, content) in enumerate(modules):
        at = first + 32 * place
        struct.pack_into("<HH", body, at, INTERNAL, kind)
        point(at + 8, f"pyodideRuntime-internal:{name}".encode() + b"\0")
        point(at + 16, content)
    return struct.pack("<II", 0, len(body) // 8) + bytes(body)
