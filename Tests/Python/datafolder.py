"""The files of a data folder, read by the tables of the formats and not by the code under test."""

import pathlib
import struct

SEGMENT_HEADER = 64
FRAME_HEADER = 96
FRAME_MAGIC = b"DLFR"
INDEX_ENTRY = struct.Struct("<IQ")  # relative offset, byte position


class Segment:
    def __init__(self, store):
        self.store = store
        self.index = store.with_suffix(".index")
        self.base_offset = int(store.name.split(".")[0])

    def frames(self):
        """(position, base offset, record count, body length) of each frame, up to the first bytes that are none."""
        octets = self.store.read_bytes()
        at, found = SEGMENT_HEADER, []
        while octets[at:at + 4] == FRAME_MAGIC:
            body, = struct.unpack_from("<I", octets, at + 8)
            count, = struct.unpack_from("<I", octets, at + 20)
            base, = struct.unpack_from("<Q", octets, at + 40)
            if at + FRAME_HEADER + body > len(octets):
                break
            found.append((at, base, count, body))
            at += FRAME_HEADER + body
        return found

    def index_entries(self):
        octets = self.index.read_bytes()
        if len(octets) % INDEX_ENTRY.size:
            raise AssertionError(f"{self.index.name} has {len(octets)} bytes, not a multiple of 12")
        return list(INDEX_ENTRY.iter_unpack(octets))

    def check_index(self):
        """The index ends at its last entry, and each entry is its frame's."""
        frames, entries = self.frames(), self.index_entries()
        expected = [(base - self.base_offset, at) for at, base, _, _ in frames]
        if entries != expected:
            raise AssertionError(
                f"{self.index.name}: {len(entries)} entries for {len(frames)} frames; "
                f"last {entries[-1:]}, expected {expected[-1:]}")


def segments(data):
    found = [Segment(path) for path in pathlib.Path(data).glob("logs/*/*.store")]
    return sorted(found, key=lambda segment: (segment.base_offset, segment.store.name))


def bytes_on_disk(data):
    """Of all stores; retention may take one away meanwhile."""
    total = 0
    for path in pathlib.Path(data).glob("logs/*/*.store"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def own_segments(data):
    """Those of the log that the identity names: making a folder that was cut short may have left another."""
    identity = (pathlib.Path(data) / "identity").read_text()
    own = identity.split("\nlog ")[1].split()[0]
    return [segment for segment in segments(data) if segment.store.parent.name == own]
