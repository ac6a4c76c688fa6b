"""Faults of the disk beneath a real server: Tests/Faults/shim.c, built once a run and put under a server's calls."""

import errno
import mmap
import os
import pathlib
import struct
import subprocess

from servers import REPOSITORY

SOURCES = REPOSITORY / "Tests" / "Faults"
WRITE, SYNC, OPEN, MAP, RESERVE, TRUNCATE, RENAME, UNLINK = (1 << bit for bit in range(8))
SHORT_WRITE = 4096  # as an errno: nothing fails, but only a part is written
_NUMBERS = ["kinds", "first", "lasting", "error", "torn", "delay", "forget_syncs", "count", "faults", "fault_time"]


def build(folder):
    """The shim, compiled into `folder`; gives its path."""
    library = pathlib.Path(folder) / "faults.so"
    if not library.exists():
        sources = [str(SOURCES / name) for name in ("shim.c", "journal.c")]
        compiler = os.environ.get("CC", "cc")
        subprocess.run(
            [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", str(library), *sources],
            check=True, timeout=60)
    return library


class Faults:
    """The shim under one server. The plan may be changed while the server runs; the figures are the shim's."""

    def __init__(self, workspace, server, journal=False):
        self.library = build(workspace.path)
        self.server = server
        name = server.data.name
        self.journal = workspace.path / f"{name}.journal" if journal else None
        self._path = workspace.path / f"{name}.control"
        self._path.write_bytes(bytes(4096))
        with open(self._path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 4096)
        server.wrapper = [*server.wrapper, "env", f"LD_PRELOAD={self.library}", *self._environment()]

    def _environment(self):
        found = [f"DISTLOG_FAULTS_FOLDER={self.server.data}", f"DISTLOG_FAULTS_CONTROL={self._path}"]
        return found + ([f"DISTLOG_FAULTS_JOURNAL={self.journal}"] if self.journal else [])

    def __getitem__(self, name):
        return struct.unpack_from("<Q", self._memory, 8 * _NUMBERS.index(name))[0]

    def __setitem__(self, name, value):
        struct.pack_into("<Q", self._memory, 8 * _NUMBERS.index(name), value)

    def _text(self, start, end):
        return self._memory[start:end].split(b"\0")[0].decode()

    @property
    def call(self):
        """The call that failed first."""
        return self._text(80, 112)

    @property
    def path(self):
        """The file of the call that failed first."""
        return self._text(112, 624)

    def arm(self, kinds, first, error=errno.EIO, lasting=False, torn=False, only=""):
        """Lets call number `first` of these kinds, on paths that hold `only`, fail, counted from now; with `lasting`
        all after it too, or each `lasting`-th."""
        self["kinds"] = 0
        self._memory[624:688] = only.encode().ljust(64, b"\0")
        for name, value in (("first", first), ("lasting", lasting), ("error", error), ("torn", torn), ("count", 0),
                            ("faults", 0), ("fault_time", 0)):
            self[name] = int(value)
        self["kinds"] = kinds

    def disarm(self):
        self["kinds"] = 0
