"""One life of a real server, from making its folder to closing it, and a power cut between its calls, at each of many.

    crash_points.py [--points N | --every] [--seed S]

The server makes its folder, takes records, begins segments, removes old ones by retention and stops, while the library
of Tests/Faults keeps the journal. Then, for points between two calls, the disk is built that a power cut would have
left there, and a server is started on it: it must start, have all that was acknowledged before that point, take a
record, and close with store and index in pairs. --every: each point around making, renaming, cutting and removing files.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import datafolder
import faults
import powercut
import servers
import stubs
from checks import equal, true, within
from history import History, judge
from kill_rounds import Producer, Reader
from stubs import log_pb2, log_pb2_grpc

LONG = 30
ROUTINE = ("write", "sync")  # what most of a journal is


class StampedHistory(History):
    """Knows how far the journal was when an acknowledgement came: no cut behind that may lose it."""

    def __init__(self, journal):
        super().__init__()
        self.journal, self.stamps = journal, {}

    def acked(self, values, first):
        stamp = os.stat(self.journal).st_size
        super().acked(values, first)
        for value in values:
            self.stamps[value] = stamp

    def at_point(self, end):
        """What was known when the journal had `end` bytes."""
        known = History()
        known.requests = self.requests
        known.acknowledged = {
            value: offset for value, offset in self.acknowledged.items() if self.stamps[value] <= end}
        return known


class Life:
    """What is cut: the journal, and what was acknowledged when."""

    def __init__(self, workspace, options):
        self.flags = ["--storage-segment-bytes", "1MiB", "--logs-retention-bytes", "1MiB"]
        server = workspace.server(*self.flags, data="life")
        shim = faults.Faults(workspace, server, journal=True)
        shim.journal.write_bytes(b"")
        self.folder, self.history = server.data, StampedHistory(shim.journal)
        server.start()
        producers = [Producer(f"p{n}", options.seed * 10 + n, self.history, True, n == 1) for n in range(2)]
        for producer in producers:
            producer.start(server, workspace.certificate("root"))
        within(LONG, lambda: Reader(workspace).start(server) > 0, "retention has removed something")
        time.sleep(0.3)  # not a signal: some more of the same
        equal(server.terminate(), 0, "exit code")
        for producer in producers:
            producer.thread.join(LONG)
        self.octets = shim.journal.read_bytes()
        # (bytes of journal before the cut, the call before it, the call behind it)
        self.points, self.routine = [(0, "nothing", "mkdir")], []
        found = list(powercut.records(self.octets))
        for one, behind in zip(found, [*found[1:], None]):
            names = [powercut.OPERATIONS[one[0]], powercut.OPERATIONS[behind[0]] if behind else "nothing"]
            list_ = self.routine if all(name in ROUTINE for name in names) else self.points
            list_.append((one[4] + one[5], *names))

    def chosen(self, options, rng):
        if options.every:
            return self.points + rng.sample(self.routine, min(100, len(self.routine)))
        return sorted(rng.sample(self.points, options.points) + rng.sample(self.routine, 2))


def one_cut(workspace, life, end, variant, rng):
    """Gives how many acknowledged records the cut had to keep."""
    server = workspace.server(*life.flags, data="image")
    shutil.rmtree(server.data, ignore_errors=True)
    disk = powercut.Disk.at_point(life.folder, life.octets, end)
    server.data.mkdir(mode=0o700)
    disk.image(server.data, variant, rng)
    known = life.history.at_point(end)
    try:
        server.start()
        with stubs.channel(server.address, workspace.certificate("root")) as channel:
            log = log_pb2_grpc.LogStub(channel)
            start, kept = Reader(workspace).read_kept(server)
            # What retention removes is not lost; what it removed later than this point would be seen as such.
            found = judge(known, kept, start)
            true(not found, "; ".join(found))
            last = max(known.acknowledged.values(), default=-1)
            true(start + len(kept) > last, f"the log ends at {start + len(kept)}; acknowledged up to {last}")
            answer = log.Produce(log_pb2.ProduceRequest(record=log_pb2.Record(value=b"after")), timeout=LONG)
            equal(answer.offset, start + len(kept), "offset of the next record")
        equal(server.terminate(), 0, "exit code")
        segments = datafolder.own_segments(server.data)
        for segment in segments:
            segment.check_index()
        files = {path.name for path in segments[0].store.parent.iterdir()}
        pairs = {path.name for segment in segments for path in (segment.store, segment.index)}
        # A checkpoint is there once entries were removed; one that was being made is made again.
        files = {name for name in files if not name.endswith((".checkpoint", ".checkpoint.new"))}
        equal(files - pairs - {"checkpoint", "checkpoint.new", "reserve"}, {"meta", "hardstate"}, "files beside the pairs of store and index")
    except Exception:
        print(server.log()[-2000:], file=sys.stderr)
        raise
    finally:
        server.kill()
    return len(known.acknowledged)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--every", action="store_true", help="every point that is not between plain writes and syncs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks.give_up_after(3600 if options.every else 60 + 5 * options.points)
    rng = random.Random(options.seed)
    figures, most = collections.Counter(), 0
    with servers.Workspace() as workspace:
        life = Life(workspace, options)
        begun = time.monotonic()
        for number, (end, before, behind) in enumerate(life.chosen(options, rng)):
            variant = powercut.VARIANTS[(number + options.seed) % len(powercut.VARIANTS)]
            try:
                most = max(most, one_cut(workspace, life, end, variant, rng))
            except Exception as error:
                raise AssertionError(f"cut behind byte {end} of {len(life.octets)}, between {before} and {behind}, "
                                     f"{variant}, seed {options.seed}: {error}") from error
            figures[f"{before}|{behind}"] += 1
    count = sum(figures.values())
    print(f"{count} cuts between calls ({len(life.points)} points, {len(life.routine)} between writes and syncs; journal "
          f"of {len(life.octets)} bytes), seed {options.seed}: up to {most} acknowledged records, 0 lost; "
          f"{(time.monotonic() - begun) / count:.2f} s a cut")
    print(", ".join(f"{name} {number}" for name, number in figures.most_common()))
    seen = {powercut.OPERATIONS[one[0]] for one in powercut.records(life.octets)}
    true({"rename", "unlink", "size", "map", "mkdir"} <= seen, f"the life had only {seen}")
    true(most > 0, "no cut had anything to lose")
    print("ok crash_points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
