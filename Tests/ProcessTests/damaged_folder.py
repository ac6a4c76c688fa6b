"""One bit of a data folder is flipped, and the real server started on it: it must refuse, or serve nothing wrong.

    damaged_folder.py [--places N | --every] [--seed S]

Folders: one that was closed, one of a killed server, one with several segments. For each flip the server either does not
start, with exit code 74 and a message with file, byte and offset; or every record is served as it was or is refused
with DATA_LOSS that names segment and offset. A flip in the records is always found. A flip in an index costs nothing.
--every: each byte of the small closed folder, one bit in each.
"""

import argparse
import collections
import pathlib
import random
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import datafolder
import servers
import stubs
from checks import equal, true
from stubs import log_pb2, log_pb2_grpc

LONG = 30
DAMAGED = re.compile(r"distlogd: (\S+) is damaged at byte (\d+) \(offset (\d+)\): ")


class Original:
    """A folder as it was left, and what was written to it."""

    def __init__(self, workspace, name, sizes, rng, killed):
        self.name, self.killed = name, killed
        server = workspace.server("--storage-segment-bytes", "1MiB", data=name).start()
        self.values = []
        with stubs.channel(server.address, workspace.certificate("root")) as channel:
            log = log_pb2_grpc.LogStub(channel)
            for size in sizes:
                values = [rng.randbytes(size) for _ in range(rng.randint(1, 3))]
                records = [log_pb2.Record(value=value) for value in values]
                answer = log.Produce(log_pb2.ProduceRequest(records=records), timeout=LONG)
                equal(answer.offset, len(self.values), "offset")
                self.values += values
        server.kill() if killed else equal(server.terminate(), 0, "exit code")
        self.folder = server.data
        self.frames = {str(segment.store.relative_to(self.folder)): segment.frames()
                       for segment in datafolder.segments(self.folder)}

    def files(self):
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")

    def places(self):
        """The bytes of each file that mean something."""
        found = {}
        for path in self.files():
            name, octets = path.relative_to(self.folder), range(path.stat().st_size)
            if path.suffix == ".store":
                at, _, _, body = self.frames[str(name)][-1]
                octets = range(at + datafolder.FRAME_HEADER + body)
            elif path.suffix == ".index" and self.killed:
                continue  # never synced, and not looked at
            elif path.name == "meta":
                octets = [*range(120), *range(4096, 4216)]
            if len(octets):
                found[name] = octets
        return found


class Trial:
    """One flipped bit and one start."""

    def __init__(self, workspace, original, file, byte, bit):
        self.original, self.file, self.byte = original, file, byte
        self.what = f"{original.name}/{file} byte {byte} bit {bit}"
        self.credentials = workspace.certificate("root")
        self.server = workspace.server("--storage-segment-bytes", "1MiB", data="trial")
        shutil.rmtree(self.server.data, ignore_errors=True)
        shutil.copytree(original.folder, self.server.data)
        self.said = len(self.server.log())
        with open(self.server.data / file, "r+b") as target:
            target.seek(byte)
            old = target.read(1)[0]
            target.seek(byte)
            target.write(bytes([old ^ 1 << bit]))

    def outcome(self):
        """One word for what happened, after it was found right."""
        try:
            self.server.start()
        except AssertionError:
            return self._refused()
        lost = self._read()
        frame = self._frame()
        if frame is not None and not lost:
            # Only the last write of a server that was killed may be taken for torn, and that is said.
            is_last = self.original.killed and frame == self._frames()[-1]
            true(is_last and "cut" in self._log(), "a flip in the records was not found")
            return "cut"
        if self.file.suffix == ".index":
            equal(self.server.terminate(), 0, "exit code")
            same = (self.server.data / self.file).read_bytes() == (self.original.folder / self.file).read_bytes()
            # An entry is checked against its frame when it is used; the file is written anew where its end is wrong.
            return "index mended" if same else "index passed over"
        self.server.kill()
        return "data loss" if lost else "served all"

    def _log(self):
        return self.server.log()[self.said:]

    def _frames(self):
        return self.original.frames.get(str(self.file), [])

    def _frame(self):
        for frame in self._frames():
            if frame[0] <= self.byte < frame[0] + datafolder.FRAME_HEADER + frame[3]:
                return frame
        return None

    def _refused(self):
        equal(self.server.process.returncode, 74, f"exit code; it said {self._log()[-600:]}")
        true(self.file.name in self._log(), f"{self.file.name} is not named in {self._log()!r}")
        frame = self._frame()
        if frame is not None:
            found = DAMAGED.search(self._log())
            true(found and found[1].endswith(self.file.name), f"no place in {self._log()!r}")
            true(frame[0] <= int(found[2]) <= self.byte, f"byte {found[2]}, but the frame begins at {frame[0]}")
            equal(int(found[3]), frame[1], "offset")
        return "refused"

    def _read(self):
        """Reads all records one by one where it must; gives how many were refused."""
        lost, next_offset, values = 0, 0, self.original.values
        with stubs.channel(self.server.address, self.credentials) as channel:
            log = log_pb2_grpc.LogStub(channel)
            while next_offset < len(values):
                request = log_pb2.ConsumeRequest(offset=next_offset, stop=log_pb2.STOP_END, max_records=1000)
                try:
                    for response in log.ConsumeStream(request, timeout=LONG):
                        for record in response.records:
                            equal(record.offset, next_offset, "offset")
                            equal(record.value, values[next_offset], f"record {next_offset}")
                            next_offset += 1
                    break
                except grpc.RpcError as error:
                    found = stubs.Failure(error)
                    equal((found.code, found.info and found.info.reason),
                          (grpc.StatusCode.DATA_LOSS, "RECORD_CORRUPT"), f"refusal ({found.message})")
                    true(found.info.metadata["segment"].endswith(self.file.name), f"segment {found.info.metadata}")
                    frame = self._frame()
                    offset = int(found.info.metadata["offset"])
                    true(frame and frame[1] <= offset <= next_offset,
                         f"offset {offset} read at {next_offset}; the damaged frame is {frame}")
                    lost += 1
                    next_offset += 1
        true(next_offset == len(values) or self._frame() is not None, f"only {next_offset} of {len(values)} records")
        return lost


def trials(workspace, original, places, rng, figures):
    for file, byte in places:
        trial = Trial(workspace, original, file, byte, rng.randrange(8))
        try:
            figures[f"{original.name} {file.suffix or file.name}: {trial.outcome()}"] += 1
        except Exception as error:
            print(trial.server.log()[-2000:], file=sys.stderr)
            raise AssertionError(f"{trial.what}: {error}") from error
        finally:
            trial.server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=6, help="in each of the three folders")
    parser.add_argument("--every", action="store_true", help="every byte of the closed folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks.give_up_after(3600 if options.every else 60 + 3 * options.places)
    rng = random.Random(options.seed)
    figures = collections.Counter()
    with servers.Workspace() as workspace:
        small = [rng.randint(0, 80) for _ in range(6)]
        originals = [Original(workspace, "closed", small, rng, killed=False)]
        if not options.every:
            originals.append(Original(workspace, "killed", small, rng, killed=True))
            originals.append(Original(workspace, "segments", [200_000] * 12, rng, killed=True))
        for original in originals:
            octets = original.places()
            if options.every:
                places = [(file, byte) for file in octets for byte in octets[file]]
            else:
                # Files are chosen alike, as the records would hide the few bytes of the others.
                places = [(file, rng.choice(octets[file]))
                          for file in rng.choices(list(octets), k=options.places)]
            trials(workspace, original, places, rng, figures)
    for name, count in sorted(figures.items()):
        print(f"{name}: {count}")
    print(f"{sum(figures.values())} flipped bits, seed {options.seed}: nothing wrong was served")
    true(any("refused" in name for name in figures), "no flip was refused")
    print("ok damaged_folder")
    return 0


if __name__ == "__main__":
    sys.exit(main())
