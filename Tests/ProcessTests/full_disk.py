"""A real server whose disk is full: a file system of 64 MiB, filled again and again under load.

    full_disk.py [--disk tmpfs|ext4] [--fills N] [--seed S]

Each time: writes end with DISK_FULL and reads go on; the server is stopped or killed, what that set free is filled up
too, and it starts on the full disk and serves reads, with no second try; writes go on within five seconds of there being
space, without a restart; nothing that was acknowledged is lost. Segments are small, so that a disk is also found full
by the making of a new one. At the end retention is switched on, and frees the full disk by itself.

tmpfs needs a user namespace, ext4 root (a loop device); where there is none it says NOT TRIED and passes.
"""

import argparse
import collections
import errno
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import datafolder
import ext4
import servers
import stubs
from checks import equal, true, within
from history import History, judge
from kill_rounds import Producer, Reader
from stubs import health_pb2, health_pb2_grpc, log_pb2, log_pb2_grpc

MIB = 1 << 20
LONG = 30
DISK_MIB = 64
FILLS_A_DISK = 4
RESUMED_WITHIN = 5.0
Code = grpc.StatusCode


class Witness(Producer):
    """A producer that ends when the disk is full."""

    expected = (Code.RESOURCE_EXHAUSTED,)


class SmallDisk:
    def __init__(self, workspace, options, number):
        folder = workspace.path / f"disk{number}"
        self.disk = ext4.Tmpfs(folder, DISK_MIB) if options.disk == "tmpfs" else ext4.Ext4(folder, DISK_MIB)
        self.disk.mount()
        self.ballast = folder / "ballast"
        self.server = workspace.server("--storage-segment-bytes", "1MiB", data=f"disk{number}/data")
        self.credentials = workspace.certificate("root")
        self.reader = Reader(workspace)
        self.history, self.log = History(), []
        kinds = [(False, False), (True, False), (True, True)]
        self.producers = [
            Witness(f"p{n}", options.seed * 1000 + number * 10 + n, self.history, *kinds[n]) for n in range(3)]
        self.refused = 0

    def fill_up(self, leaving):
        """Makes the ballast so large that `leaving` bytes are free."""
        with open(self.ballast, "ab") as file:
            while True:
                wanted = ext4.free_bytes(self.disk.folder) - leaving
                if wanted <= 0:
                    return
                try:
                    file.write(bytes(min(wanted, MIB)))
                    file.flush()
                except OSError as error:
                    equal(error.errno, errno.ENOSPC, "errno of the ballast")
                    return

    def load(self, greedy):
        """Writes until every producer was told that the disk is full. `greedy`: something else takes what a roll sets free."""
        for producer in self.producers:
            producer.start(self.server, self.credentials)
        end = time.monotonic() + LONG
        while greedy and any(producer.thread.is_alive() for producer in self.producers) and time.monotonic() < end:
            self.fill_up(leaving=0)
        for producer in self.producers:
            producer.thread.join(LONG)
            true(not producer.thread.is_alive(), f"{producer.name} has no final status")
            true(producer.problem is None, producer.problem)

    def produce(self, log, size):
        value = b"single:%d:" % len(self.history.requests) + bytes(size)
        self.history.sent([value])
        request = log_pb2.ProduceRequest(record=log_pb2.Record(value=value))
        self.history.acked([value], log.Produce(request, timeout=LONG).offset)

    def is_refused(self, log):
        """Gives the file that found no space. What is reserved already is still taken."""
        refused = 0
        for _ in range(60):
            self.fill_up(leaving=0)
            try:
                self.produce(log, 100_000)
                refused = 0
            except grpc.RpcError as error:
                found = stubs.Failure(error)
                equal((found.code, found.info.reason), (Code.RESOURCE_EXHAUSTED, "DISK_FULL"), "refusal")
                true(found.retry is not None, "no RetryInfo")
                refused += 1
            if refused == 3:
                self.refused += refused
                return pathlib.Path(found.message.partition("(")[2].partition(")")[0]).suffix
        raise AssertionError("6 MB in a full disk")

    def reads(self, channel):
        self.log += self.reader.read(self.server, len(self.log))
        found = judge(self.history, self.log)
        true(not found, "; ".join(found))
        state = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=LONG).status
        equal(state, health_pb2.HealthCheckResponse.SERVING, "health")

    def resumes(self, log):
        """Seconds from there being space to the first acknowledgement."""
        begun = time.monotonic()
        os.unlink(self.ballast)
        while True:
            try:
                self.produce(log, 10)
                return time.monotonic() - begun
            except grpc.RpcError as error:
                true(time.monotonic() - begun < RESUMED_WITHIN, f"still refused: {error.details()}")
                time.sleep(0.02)


def retention_frees(disk):
    """A full disk, and a server that from now on keeps 2 MiB: writes go on by themselves. Gives the log's new start."""
    with stubs.channel(disk.server.address, disk.credentials) as channel:
        disk.is_refused(log_pb2_grpc.LogStub(channel))
        disk.reads(channel)
    equal(disk.server.terminate(), 0, "exit code")
    disk.fill_up(leaving=0)
    disk.server.flags += ["--logs-retention-bytes", "2MiB"]
    disk.server.start()
    with stubs.channel(disk.server.address, disk.credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        begun = time.monotonic()
        while True:
            try:
                disk.produce(log, 10)
                break
            except grpc.RpcError as error:
                true(time.monotonic() - begun < RESUMED_WITHIN, f"retention made no space: {error.details()}")
                time.sleep(0.05)
        # One segment goes at a time; at most one more than the limit stays.
        within(LONG, lambda: datafolder.bytes_on_disk(disk.server.data) <= 4 * MIB, "the log has shrunk")
    start, kept = disk.reader.read_kept(disk.server)
    true(start > 0, "nothing was removed")
    found = judge(disk.history, kept, start)
    true(not found, "; ".join(found))
    return start


def fill(disk, number, rng):
    """One filling; gives which file found the disk full and how long writes took to go on."""
    disk.fill_up(leaving=rng.randint(3 * MIB, 9 * MIB))
    disk.load(greedy=number % 2 == 1)
    with stubs.channel(disk.server.address, disk.credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        full = disk.is_refused(log)
        disk.reads(channel)
        if number % 3 == 2:
            return full, disk.resumes(log)
    if number % 3 == 0:
        equal(disk.server.terminate(within=10), 0, "exit code with a full disk")
    else:
        disk.server.kill()
    disk.fill_up(leaving=0)
    disk.server.start()
    with stubs.channel(disk.server.address, disk.credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        disk.reads(channel)
        disk.is_refused(log)
        equal(disk.server.process.poll(), None, "exit code")
        return full, disk.resumes(log)


def run(workspace, options):
    rng = random.Random(options.seed)
    files, slowest, acknowledged, refused, removed, disk = collections.Counter(), 0.0, 0, 0, 0, None
    for number in range(options.fills):
        if number % FILLS_A_DISK == 0:
            disk = SmallDisk(workspace, options, number // FILLS_A_DISK)
            disk.server.start()
        try:
            full, took = fill(disk, number, rng)
        except BaseException:
            print(disk.server.log()[-3000:], file=sys.stderr)
            raise
        files[full] += 1
        slowest = max(slowest, took)
        if number % FILLS_A_DISK == FILLS_A_DISK - 1 or number == options.fills - 1:
            found = judge(disk.history, disk.reader.read(disk.server, 0))
            true(not found, "; ".join(found))
            removed += retention_frees(disk)
            equal(disk.server.terminate(within=10), 0, "exit code")
            acknowledged += len(disk.history.acknowledged)
            refused += disk.refused
            disk.disk.unmount()
    print(f"{options.disk} of {DISK_MIB} MiB full {options.fills} times, seed {options.seed}: by {dict(files)}; "
          f"{acknowledged} records acknowledged, 0 lost; {refused} calls refused and looked at; writes went on after "
          f"{slowest:.2f} s at most; retention freed the disk of {removed} records")
    true(acknowledged > 100 * options.fills, "too little was acknowledged")
    true(refused >= 3 * options.fills, "too little was refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--disk", choices=["tmpfs", "ext4"], default="tmpfs")
    parser.add_argument("--fills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    usable = ext4.inside_own_mounts(as_root=options.disk == "ext4")
    checks.give_up_after(60 + 20 * options.fills)
    with servers.Workspace() as workspace:
        if usable and (options.disk == "tmpfs" or ext4.possible(workspace.path / "trial")):
            run(workspace, options)
        else:
            print(f"NOT TRIED: no {options.disk} can be mounted here")
    print("ok full_disk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
