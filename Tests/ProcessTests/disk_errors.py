"""A real server under load whose disk fails at its k-th call: no acknowledgement for what is not safe, and a clear end.

    disk_errors.py [--kind write|sync|names|unlink] [--calls 1,2,7 | --calls 1-200] [--lasting] [--file meta] [--seed S]

The library of Tests/Faults answers EIO to write or sync (fsync, fdatasync) number k after the server was ready; names:
rename, unlink and ftruncate; unlink: what retention calls, which is on with it. Without --lasting only that one call fails, and the next would succeed: a server that tries
again and goes on has believed a disk that forgot. What the failed sync was to save never gets to the disk (as Linux
does it). After each fault, within a second: Produce is refused, health is NOT_SERVING, the message names file and errno.
Then the server is stopped or killed, the power is cut by turns, and the next start must have all that was acknowledged.
"""

import argparse
import collections
import errno
import functools
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import faults
import powercut
import servers
import stubs
from checks import equal, true, within
from history import History, judge
from kill_rounds import Producer, Reader
from stubs import health_pb2, health_pb2_grpc, log_pb2, log_pb2_grpc

LONG = 30
FENCED_WITHIN = 1.0  # seconds after the fault
ROUNDS_A_FOLDER = 20  # then a new one: the judge reads the whole log
KINDS = {
    "write": faults.WRITE, "sync": faults.SYNC, "names": faults.RENAME | faults.UNLINK | faults.TRUNCATE,
    "unlink": faults.UNLINK,
}
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
Code = grpc.StatusCode


class Witness(Producer):
    """A producer whose stream ends with the fault."""

    expected = (Code.UNAVAILABLE, Code.CANCELLED, Code.ABORTED)


class Folder:
    """One data folder through many faults."""

    def __init__(self, workspace, options, number):
        retention = ["--logs-retention-bytes", "1MiB"] if options.kind == "unlink" else []
        self.server = workspace.server("--storage-segment-bytes", options.segment, *retention, data=f"data{number}")
        self.faults = faults.Faults(workspace, self.server, journal=True)
        self.disk = powercut.Disk(self.server.data, self.faults.journal)
        self.credentials = workspace.certificate("root")
        self.reader = Reader(workspace)
        self.history, self.log = History(), []
        kinds = [(False, False), (True, False), (False, True), (True, True)]
        self.producers = [
            Witness(f"p{n}", f"{options.seed} {number} {n}", self.history, *kinds[n]) for n in range(4)]

    def acknowledged(self):
        return sum(producer.acknowledged for producer in self.producers)

    def start(self):
        """What is in the log after a start holds all that was acknowledged."""
        self.server.start()
        first, self.log = self.reader.read_kept(self.server)
        self.fail_if(judge(self.history, self.log, first))

    def fault(self, kind, call, lasting, torn, only):
        """One life with one fault; gives the file, what was called, and the seconds until all was refused."""
        said_before = len(self.server.log())
        self.faults.arm(kind, call, errno.EIO, lasting, torn, only)
        for producer in self.producers:
            producer.start(self.server, self.credentials)
        within(LONG, lambda: self.faults["fault_time"], f"call number {call} came")
        with stubs.channel(self.server.address, self.credentials) as channel:
            took = self.fenced(channel)
            self._refuses(log_pb2_grpc.LogStub(channel))
        for producer in self.producers:
            producer.thread.join(LONG)
            true(not producer.thread.is_alive(), f"{producer.name} has no final status")
            true(producer.problem is None, producer.problem)
        where = pathlib.Path(self.faults.path)
        # A draft is called by the name that it is going to have.
        name = where.name.removesuffix(".new")
        said = functools.partial(self._said, said_before)  # a thread of its own writes it
        within(FENCED_WITHIN, lambda: name in said() and f"errno {errno.EIO}" in said(), f"{name} and the errno in the log")
        true("Fatal error" not in said(), said()[-1500:])
        return where.suffix or where.name, self.faults.call, took

    def _said(self, before):
        return self.server.log()[before:]

    def fenced(self, channel):
        """Waits until health says so: the seconds since the fault."""
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="log.v1.Log")
        within(LONG, lambda: health.Check(request, timeout=LONG).status == NOT_SERVING, "health is NOT_SERVING")
        return (time.monotonic_ns() - self.faults["fault_time"]) / 1e9

    def _refuses(self, log):
        """Writes are refused and stay so; reads go on."""
        request = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"refused"))
        for _ in range(2):
            found = stubs.expect(lambda: log.Produce(request, timeout=LONG), Code.UNAVAILABLE, "STORAGE_FAILED")
            true(f"errno {errno.EIO}" in found.message, f"no errno in {found.message!r}")
        if self.log:
            offset, value = self.log[-1]
            equal(log.Consume(log_pb2.ConsumeRequest(offset=offset), timeout=LONG).record.value, value, "a record")

    def end(self, by_signal, variant, rng):
        """Ends this life, and takes away what the disk did not keep."""
        if by_signal:
            equal(self.server.terminate(within=10), 74, "exit code after a failed write")
        else:
            self.server.kill()
        self.faults.disarm()
        if variant:
            self.disk.cut(variant, rng)
        else:
            self.disk.begin()

    def finish(self):
        self.start()
        equal(self.server.terminate(), 0, "exit code")

    def fail_if(self, found):
        if found:
            print(self.server.log()[-3000:], file=sys.stderr)
            raise AssertionError("; ".join(found))


class Figures:
    def __init__(self):
        self.files = collections.Counter()
        self.slowest = 0.0
        self.acknowledged = 0
        self.faults = 0


def rounds(workspace, options, figures):
    rng = random.Random(options.seed)
    folder = None
    for number, call in enumerate(options.calls):
        if number % ROUNDS_A_FOLDER == 0:
            if folder:
                folder.finish()
            folder = Folder(workspace, options, number // ROUNDS_A_FOLDER)
        before = folder.acknowledged()
        folder.start()
        try:
            file, what, took = folder.fault(KINDS[options.kind], call, options.lasting, number % 2 == 1, options.file)
            true(took <= FENCED_WITHIN, f"{took:.2f} s until writes were refused")
        except Exception as error:
            print(folder.server.log()[-3000:], file=sys.stderr)
            raise AssertionError(f"call {call} ({folder.faults.call} {folder.faults.path}): {error}") from error
        figures.files[f"{what} {file}"] += 1
        figures.slowest = max(figures.slowest, took)
        figures.faults += folder.faults["faults"]
        figures.acknowledged += folder.acknowledged() - before
        # By turns: only the process ends, or the power is cut as well.
        folder.end(number % 3 == 0, [None, *powercut.VARIANTS][number % 5], rng)
    folder.finish()


def numbers(text):
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=list(KINDS), default="sync")
    parser.add_argument("--calls", type=numbers, default="1,2,40")
    parser.add_argument("--lasting", action="store_true", help="all later calls fail, too")
    parser.add_argument("--file", default="", help="only calls on files whose path has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--segment", default="1MiB", help="small, so that segments roll under load")
    options = parser.parse_args()
    checks.give_up_after(60 + 10 * len(options.calls))
    figures = Figures()
    begun = time.monotonic()
    with servers.Workspace() as workspace:
        rounds(workspace, options, figures)
    files = ", ".join(f"{name} {count}" for name, count in figures.files.most_common())
    print(f"EIO, {options.kind}, {'lasting' if options.lasting else 'once'}, {len(options.calls)} rounds, seed "
          f"{options.seed}: {figures.faults} faults ({files}), {figures.acknowledged} records acknowledged, 0 lost, "
          f"refused after {figures.slowest:.3f} s at most; {(time.monotonic() - begun) / len(options.calls):.2f} s a round")
    true(figures.faults >= len(options.calls), "too few faults")
    true(figures.acknowledged > 0, "nothing was acknowledged")
    print("ok disk_errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
