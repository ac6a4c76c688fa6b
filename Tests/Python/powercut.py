"""What a disk holds after a power cut, by the journal of Tests/Faults.

The model is the strict one of POSIX: bytes are there for certain when a sync of their file has returned, names when a
sync of their folder has. Of what came later the disk may have anything: see `VARIANTS`. What a failed sync was to make
durable never gets there, even if a later sync succeeds (Linux marks such pages clean).
"""

import os
import pathlib
import struct

_HEAD = struct.Struct("<IIQQ")
_OPEN, _WRITE, _SIZE, _SYNC, _DROP, _CONTENT, _MAP, _RENAME, _UNLINK, _FOLDER = range(1, 11)
SECTOR = 512
PAGE = 4096
OPERATIONS = {1: "open", 2: "write", 3: "size", 4: "sync", 5: "drop", 6: "content", 7: "map", 8: "rename", 9: "unlink",
              10: "mkdir"}
VARIANTS = ["none", "all", "sectors", "torn"]


class _File:
    """One file: what is durable, and what was done since, in order."""

    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending = []  # (place in the journal, position or None for a size, bytes or the size)
        self.is_mapped = False
        self.is_changed = False  # a program reads other bytes than the durable ones and the pending ones

    def synced(self, place):
        for _, position, value in self._before(place):
            apply(self.durable, position, value)

    def dropped(self, place):
        self.is_changed = True
        return len(self._before(place))

    def _before(self, place):
        done = [one for one in self.pending if one[0] <= place]
        self.pending = [one for one in self.pending if one[0] > place]
        return done


def apply(content, position, value):
    """One operation: a size (position None), bytes at a position, or the whole content (position -1)."""
    if position is None:
        content[value:] = bytes(max(0, value - len(content)))
    elif position == -1:
        content[:] = value
    else:
        if len(content) < position:
            content.extend(bytes(position - len(content)))
        content[position:position + len(value)] = value


def records(octets):
    """(operation, handle, number, where it starts, where its payload starts, length) of each record of a journal."""
    at = 0
    while at + _HEAD.size <= len(octets):
        operation, handle, number, length = _HEAD.unpack_from(octets, at)
        payload = at + _HEAD.size
        if payload + length > len(octets):
            return  # killed while it wrote this
        yield operation, handle, number, at, payload, length
        at = payload + length


class Disk:
    """The disk under one folder, from its state when a server is started to the cut."""

    def __init__(self, folder, journal):
        self.folder = pathlib.Path(folder)
        self.journal = pathlib.Path(journal)
        self.cuts_with_pending = 0
        self.forgotten = 0  # bytes of writes that a cut kept off the disk
        self.begin()

    def begin(self):
        """Takes the folder as it is for durable."""
        self.journal.write_bytes(b"")
        self._empty()
        for path in self.folder.rglob("*") if self.folder.exists() else ():
            if path.is_file():
                self.live[str(path)] = _File(path.read_bytes())
        self.durable = dict(self.live)

    def _empty(self):
        self.live = {}  # path -> _File, as programs see it
        self.durable = {}
        self.folders = []
        self.names = []  # operations on names that are not durable: (folder, kind, path, file)
        self.handles = {}
        self.dropped = 0

    def replay(self, end=None):
        """Takes in the journal, up to the byte `end`."""
        octets = self.journal.read_bytes() if end is None else self.octets[:end]
        for operation, handle, number, start, at, length in records(octets):
            self._take(operation, handle, number, octets[at:at + length], start)

    @classmethod
    def at_point(cls, folder, octets, end):
        """The disk of a folder that began empty, when its journal `octets` had `end` bytes."""
        disk = cls.__new__(cls)
        disk.folder, disk.octets, disk.forgotten = pathlib.Path(folder), octets, 0
        disk._empty()
        disk.replay(end)
        return disk

    def image(self, target, variant, random):
        """Writes what the disk holds after a cut to another folder."""
        target = pathlib.Path(target)
        for folder in self.folders:
            os.makedirs(target / pathlib.Path(folder).relative_to(self.folder), mode=0o700, exist_ok=True)
        for path, file in self._names_after(variant, random).items():
            copy = target / pathlib.Path(path).relative_to(self.folder)
            copy.write_bytes(self._content(file, variant, random))
            copy.chmod(0o600)

    def _take(self, operation, handle, number, payload, place):
        if operation == _OPEN:
            self._open(handle, number, payload.decode(), place)
        elif operation == _RENAME:
            self._rename(*payload.decode().split("\0"))
        elif operation == _UNLINK:
            path = payload.decode()
            self.live.pop(path, None)
            self.names.append((os.path.dirname(path), "unlink", path, None))
        elif operation == _FOLDER:
            self.folders.append(payload.decode())
        else:
            self._change(operation, self.handles[handle], number, payload, place)

    def _open(self, handle, flags, path, place):
        if flags & os.O_DIRECTORY:
            self.handles[handle] = path
            return
        file = self.live.get(path)
        if file is None:
            file = self.live[path] = _File()
            self.names.append((os.path.dirname(path), "link", path, file))
        elif flags & os.O_TRUNC:
            file.pending.append((place, None, 0))
        self.handles[handle] = file

    def _rename(self, old, new):
        file = self.live.pop(old)
        self.live[new] = file
        self.names.append((os.path.dirname(new), "rename", (old, new), file))

    def _change(self, operation, file, number, payload, place):
        if isinstance(file, str):
            if operation == _SYNC:
                self._names_durable(file)
            return
        if operation == _WRITE:
            file.pending.append((place, number, payload))
        elif operation == _SIZE:
            file.pending.append((place, None, number))
        elif operation == _CONTENT:
            file.pending.append((place, -1, payload + bytes(number - len(payload))))
        elif operation == _MAP:
            file.is_mapped = True
        elif operation == _SYNC:
            file.synced(number)
        elif operation == _DROP:
            self.dropped += file.dropped(number)

    def _names_durable(self, folder):
        for one in self.names:
            if one[0] == folder:
                self._name(self.durable, *one[1:])
        self.names = [one for one in self.names if one[0] != folder]

    @staticmethod
    def _name(names, kind, path, file):
        if kind == "link":
            names[path] = file
        elif kind == "unlink":
            names.pop(path, None)
        else:
            names.pop(path[0], None)
            names[path[1]] = file

    # The cut

    def cut(self, variant, random):
        """Makes the folder what the disk would hold; the server is dead. Gives how many operations were in doubt."""
        self.replay()
        self._mapped_writes()
        in_doubt = len(self.names) + sum(len(file.pending) for file in set(self.live.values()))
        names = self._names_after(variant, random)
        self._write_out(names, variant, random)
        self.cuts_with_pending += in_doubt > 0
        self.begin()
        return in_doubt

    def _names_after(self, variant, random):
        names = dict(self.durable)
        kept = {"none": 0, "all": len(self.names)}.get(variant, random.randint(0, len(self.names)))
        for one in self.names[:kept]:
            self._name(names, *one[1:])
        return names

    def _mapped_writes(self):
        """What was stored through mappings and not synced: the pages in which the file differs from all that is known."""
        for path, file in self.live.items():
            if not file.is_mapped or not os.path.exists(path):
                continue
            known = bytearray(file.durable)
            for _, position, value in file.pending:
                apply(known, position, value)
            now = pathlib.Path(path).read_bytes()
            for at in range(0, len(now), PAGE):
                if now[at:at + PAGE] != known[at:at + PAGE]:
                    file.pending.append((1 << 62, at, now[at:at + PAGE]))

    def _write_out(self, names, variant, random):
        for path in self.folder.rglob("*"):
            if path.is_file() and str(path) not in names:
                path.unlink()
        for path, file in names.items():
            if not (file.is_changed or file.pending or self.live.get(path) is not file):
                continue
            content = self._content(file, variant, random)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            # The file keeps its inode where it has one; the old bytes are gone either way.
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
                target.write(content)

    def _content(self, file, variant, random):
        content = bytearray(file.durable)
        operations = [(position, value) for _, position, value in file.pending]
        if variant == "all":
            for one in operations:
                apply(content, *one)
            return content
        if variant == "torn" and operations:
            last = random.randrange(len(operations))
            for one in operations[:last]:
                apply(content, *one)
            self._tear(content, *operations[last], random)
            operations = operations[last + 1:]
        elif variant == "sectors":
            for one in operations:
                self._some_sectors(content, *one, random)
            return content
        self.forgotten += sum(len(value) for position, value in operations if position is not None)
        return content

    def _tear(self, content, position, value, random):
        """The write got to some byte."""
        if position is None or position == -1:
            return
        kept = random.randint(0, len(value))
        self.forgotten += len(value) - kept
        if kept:
            apply(content, position, value[:kept])

    def _some_sectors(self, content, position, value, random):
        """Each sector by itself is new or old; the file may be longer than what was written."""
        if position is None:
            if random.random() < 0.5:
                apply(content, None, value)
            return
        start = max(position, 0)
        if random.random() < 0.5:
            apply(content, None, max(len(content), start + len(value)))
        at = 0
        while at < len(value):
            end = min(len(value), at + SECTOR - (start + at) % SECTOR)
            if random.random() < 0.5:
                apply(content, start + at, value[at:end])
            else:
                self.forgotten += end - at
            at = end

