"""Fills the disks of a cluster under load and frees them again: the leader's, a follower's, all.

    cluster_full_disks.py [--fills N] [--seed S]

Each server's folder lies on a file system of its own (tmpfs of 64 MiB), which something else fills up. With the leader's
full, records are refused with DISK_FULL while reads, votes and members go on; with a follower's full the others go on; with
all full, servers killed then start on full disks. Within five seconds of there being space records are taken again, and
all servers hold the same: nothing acknowledged is lost. Needs a user namespace; says NOT TRIED without.
"""

import argparse
import errno
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import clusters
import ext4
import servers
import stubs
from checks import true, within
from history import History, judge
from stubs import log_pb2, log_pb2_grpc

MIB = 1 << 20
RESUMED_WITHIN = 5.0


class FullDisk:
    """Somebody else's file on a server's disk."""

    def __init__(self, folder):
        self.path = folder / "ballast"

    def fill(self):
        with open(self.path, "ab", buffering=0) as file:
            size = MIB
            while size >= 4096:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def free(self):
        self.path.unlink(missing_ok=True)


class Load:
    """An idempotent producer that bears with full disks."""

    def __init__(self, cluster):
        self.history, self.stop, self.problem = History(), threading.Event(), None
        self.producer = clusters.Producer(cluster, "p", self.history)
        self.producer.bears_with.add("DISK_FULL")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stop.is_set():
                self.producer.produce(3, 1000, within=120)
        except Exception as error:
            self.problem = f"{error}"

    def count(self):
        if self.problem:
            raise AssertionError(self.problem)
        return len(self.history.acknowledged)

    def finish(self):
        self.stop.set()
        self.thread.join(60)
        self.producer.close()
        checks.equal(self.problem, None, "problem of the producer")


def reads(node):
    def first(channel):
        request = log_pb2.ConsumeRequest(start=log_pb2.START_EARLIEST)
        return log_pb2_grpc.LogStub(channel).Consume(request, timeout=10).record.offset
    return node.call(first) == 0


def refuses(node):
    """Whether the server refuses a record for want of room."""
    # With room it would be refused as well, for its expectation.
    record = log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(1000)), expected_offset=1 << 60)
    try:
        node.call(lambda channel: log_pb2_grpc.LogStub(channel).Produce(record, timeout=10))
        return False
    except grpc.RpcError as error:
        failure = stubs.Failure(error)
        return bool(failure.info) and failure.info.reason == "DISK_FULL"


def one_fill(cluster, disks, load, whom, chance):
    within(30, lambda before=load.count(): load.count() > before + 100, "records are taken")
    leader = cluster.leader(within=20)
    followers = [node for node in cluster.nodes if node is not leader]
    chosen = {"leader": [leader], "follower": [chance.choice(followers)], "all": cluster.nodes}[whom]
    for node in chosen:
        disks[node.id].fill()
    if whom == "follower":
        within(20, lambda before=load.count(): load.count() > before + 300, "the others go on")
    else:
        within(20, lambda: refuses(cluster.leader(within=20)), "the leader refuses records")
        health = json.loads(cluster.client("-o", "json", "cluster", "health", code=10))
        true(any("DISK_FULL" in problem for problem in health["problems"]), f"health says why: {health}")
        for node in cluster.nodes:
            true(reads(node), f"{node.id} serves reads")
    if whom == "all":
        for node in cluster.nodes:
            node.kill()
        cluster.start()
        cluster.leader(within=30)
        for node in cluster.nodes:
            true(reads(node), f"{node.id} serves reads after a start on a full disk")
    before = load.count()
    for node in chosen:
        disks[node.id].free()
    freed = time.monotonic()
    within(30, lambda: load.count() > before, "records are taken again")
    took = time.monotonic() - freed
    true(took < RESUMED_WITHIN, f"it took {took:.1f} s")
    for node in cluster.nodes:
        true(node.is_up(), f"{node.id} is up")
    return took


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--fills", type=int, default=3)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    if not ext4.inside_own_mounts(as_root=False):
        print("NOT TRIED: no mounts of our own here")
        print("ok cluster_full_disks")
        return 0
    checks.give_up_after(100 + 60 * options.fills)
    chance = random.Random(options.seed)
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace, flags=["--storage-segment-bytes", "1MiB"])
        disks, mounts = {}, []
        for node in cluster.nodes:
            mount = ext4.Tmpfs(workspace.path / f"disk{node.number}", 64)
            mount.mount()
            mounts.append(mount)
            node.data = mount.folder / "data"
            disks[node.id] = FullDisk(mount.folder)
        cluster.start()
        load = Load(cluster)
        for number in range(options.fills):
            whom = ("leader", "follower", "all")[number % 3]
            took = one_fill(cluster, disks, load, whom, chance)
            print(f"ok fill {number + 1}", flush=True)
            print(f"  {whom}: records were taken again {took:.1f} s after there was room", file=sys.stderr)
        load.finish()
        true(cluster.verify()["same"], "all hold the same")
        for node in cluster.nodes:
            checks.equal(judge(load.history, clusters.read_all(node)), [], f"{node.id}, seed {options.seed}")
            checks.equal(node.terminate(), 0, "exit code")
        for mount in mounts:
            mount.unmount()
        print(f"{load.count()} acknowledged, 0 lost, refusals {load.producer.refusals}", file=sys.stderr)
        print("ok cluster_full_disks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
