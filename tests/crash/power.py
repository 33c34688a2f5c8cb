"""A disk that may lose its power: whatever was not synced is kept, torn or gone.

SQLite writes through to the real files. Beside them this keeps what a disk would be sure to have:
each file as of its last sync, and the writes since. An outage is a copy made of the first and a
chance selection of the second, at any moment, while the work goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR = 512
REAL = apsw.vfs_names()[0]
Write = tuple[int, bytes] | int
"""Where and what; or the size that a file is cut to."""


class Disk:
    """What is sure to be on the disk, and what is under way to it; by file name.

    Attributes:
        full: nothing more can be written.
    """

    def __init__(self) -> None:
        self._safe: dict[str, bytearray] = {}
        self._pending: dict[str, list[Write]] = {}
        self._lock = threading.Lock()
        self.full = False

    def write(self, name: str, write: Write) -> None:
        """A write that may be lost."""
        with self._lock:
            self._pending.setdefault(name, []).append(write)

    def sync(self, name: str) -> None:
        """All writes to a file so far are sure."""
        with self._lock:
            safe = self._safe.setdefault(name, bytearray())
            for write in self._pending.pop(name, ()):
                _apply(safe, write)

    def delete(self, name: str) -> None:
        """The file is gone."""
        with self._lock:
            self._safe.pop(name, None)
            self._pending.pop(name, None)

    def outage(self, chance: Random, folder: Path) -> None:
        """What a loss of power would leave just now, as files of a folder."""
        folder.mkdir()
        with self._lock:
            for name in self._safe.keys() | self._pending.keys():
                left = bytearray(self._safe.get(name, b""))
                luck = chance.choice([0.0, 0.5, 0.9])
                for write in self._pending.get(name, ()):
                    if chance.random() < luck:
                        _apply(left, _torn(chance, write))
                (folder / name).write_bytes(left)


def _torn(chance: Random, write: Write) -> Write:
    """A write, now and then without its end."""
    if isinstance(write, int) or chance.random() < 0.8:
        return write
    at, data = write
    return at, data[: chance.randrange(0, len(data) + SECTOR, SECTOR)]


def _apply(file: bytearray, write: Write) -> None:
    if isinstance(write, int):
        del file[write:]
        return
    at, data = write
    file.extend(bytes(max(0, at - len(file))))
    file[at : at + len(data)] = data


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk, self._name = disk, Path(path or "").name
        super().__init__(REAL, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self._disk.full:
            raise apsw.FullError("there is no room")
        super().xWrite(data, offset)
        self._disk.write(self._name, (offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._disk.write(self._name, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._disk.sync(self._name)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("power", REAL)

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._disk.delete(Path(filename).name)


@contextmanager
def watched() -> Iterator[Disk]:
    """Within this, whatever SQLite opens is on such a disk."""
    disk = Disk()
    vfs = _Vfs(disk)
    apsw.set_default_vfs("power")
    try:
        yield disk
    finally:
        apsw.set_default_vfs(REAL)
        vfs.unregister()
