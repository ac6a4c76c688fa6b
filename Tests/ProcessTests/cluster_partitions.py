"""Cuts the network between the servers of a cluster while producers write, and judges what each holds.

    cluster_partitions.py [--rounds N] [--seed S] [--kind KIND]

Each server is in a network namespace of its own; packets that are cut vanish, and clients reach all servers. The kinds:
  leader     the leader alone, the others together
  follower   a follower alone
  all        everyone alone
  mute       what the leader sends arrives nowhere, but it hears the others
  deaf       the leader hears nobody, but the others hear it
  one-way    one server does not hear one other
  bridge     two do not hear each other, the third hears both
Wherever a majority can talk, records are acknowledged again within five seconds of the cut, and everywhere after it is
healed. Nothing acknowledged is lost, nothing is there twice, no linearizable read misses what was acknowledged before it.
Needs namespaces; says NOT TRIED without.
"""

import argparse
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import clusters
import network
import servers
import stubs
from checks import equal, true, within
from cluster_kills import Load
from history import judge
from stubs import log_pb2, log_pb2_grpc

KINDS = ("leader", "follower", "all", "mute", "deaf", "one-way", "bridge")
GOES_ON_WITHIN = 5.0


class Reader(threading.Thread):
    """Linearizable reads of what was acknowledged before, at every server in turn: a server may refuse, never be behind."""

    def __init__(self, cluster, history):
        super().__init__(daemon=True)
        self.cluster, self.history = cluster, history
        self.stop = threading.Event()
        self.answered = self.refused = 0
        self.problem = None
        self.start()

    def run(self):
        channels = [stubs.channel(node.address, self.cluster.root, **{"grpc.max_reconnect_backoff_ms": 200})
                    for node in self.cluster.nodes]
        try:
            while not self.stop.is_set():
                for node, channel in zip(self.cluster.nodes, channels):
                    self._read(node, channel)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
        for channel in channels:
            channel.close()

    def _read(self, node, channel):
        last = self.history.last()
        if last is None:
            time.sleep(0.01)
            return
        value, offset = last
        try:
            answer = log_pb2_grpc.LogStub(channel).Consume(log_pb2.ConsumeRequest(
                offset=offset, consistency=log_pb2.READ_LINEARIZABLE), timeout=1)
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
                                    grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.CANCELLED):
                raise AssertionError(f"{node.id} at offset {offset}: {error.code().name}: {error.details()}") from error
            self.refused += 1
            return
        equal(answer.record.value, value, f"record {offset} at {node.id}")
        self.answered += 1


def cut(kind, nodes, leader, chance):
    """Cuts; whether there is a majority left whose members hear each other."""
    others = [node for node in nodes if node is not leader]

    def mute(one, other):
        one.place.cut_off_from(other.place)

    def apart(one, other):
        mute(one, other)
        mute(other, one)

    if kind == "leader":
        for other in others:
            apart(leader, other)
    elif kind == "follower":
        one = chance.choice(others)
        for other in nodes:
            if other is not one:
                apart(one, other)
    elif kind == "all":
        apart(nodes[0], nodes[1])
        apart(nodes[0], nodes[2])
        apart(nodes[1], nodes[2])
        return False
    elif kind == "mute":
        for other in others:
            mute(leader, other)
    elif kind == "deaf":
        for other in others:
            mute(other, leader)
    elif kind == "one-way":
        mute(*chance.sample(nodes, 2))
    else:
        apart(*chance.sample(nodes, 2))
    return True


def acknowledges(load, what):
    """The seconds until something is acknowledged that was sent after this call."""
    begun, sent = time.monotonic(), len(load.history.requests)

    def holds():
        true(not load.problems, f"{what}: {load.problems}")
        later = load.history.requests[sent:]
        return any(values[0] in load.history.acknowledged for values in later)
    within(GOES_ON_WITHIN, holds, f"something is acknowledged {what}")
    return time.monotonic() - begun


def term(cluster):
    def told():
        for node in cluster.nodes:
            try:
                return node.call(lambda channel: log_pb2_grpc.ClusterStub(channel).GetStatus(
                    log_pb2.GetStatusRequest(), timeout=2)).term
            except grpc.RpcError:
                continue
    return within(10, told, "a status")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=len(KINDS))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kind", choices=KINDS, help="always this one")
    options = options.parse_args()
    checks.give_up_after(120 + 20 * options.rounds)
    if not network.inside_own_network():
        print("NOT TRIED: there can be no network of our own here (needs unshare and ip, as root or in a user namespace)")
        print("ok all_rounds")
        return
    chance = random.Random(options.seed)
    with servers.Workspace() as workspace:
        places = [network.Place(number) for number in (1, 2, 3)]
        cluster = clusters.Cluster(workspace, flags=["--storage-segment-bytes", "1MiB"], places=places).start()
        load = Load(cluster, 4, options.seed)
        reader = Reader(cluster, load.history)
        for round in range(1, options.rounds + 1):
            kind = options.kind or KINDS[(round - 1) % len(KINDS)]
            leader, before = cluster.leader(within=30), term(cluster)
            goes_on = cut(kind, cluster.nodes, leader, chance)
            took = acknowledges(load, f"while cut ({kind}, round {round})") if goes_on else 0
            if not goes_on:
                time.sleep(0.2)  # what a follower had answered before
            settled = len(load.history.acknowledged)
            time.sleep(chance.random() * 3)  # how long it lasts is the fault, not a wait for something
            if not goes_on:  # the control: cuts are real
                equal(len(load.history.acknowledged), settled, "acknowledged without a majority")
            for place in places:
                place.heal()
            after = acknowledges(load, f"after it was healed ({kind}, round {round})")
            true(reader.problem is None, f"seed {options.seed}, round {round}, {kind}: {reader.problem}")
            print(f"ok round {round}", flush=True)
            print(f"  {kind}: goes on after {took:.2f} s, healed after {after:.2f} s, {term(cluster) - before} terms",
                  flush=True)
        load.finish()
        reader.stop.set()
        reader.join(30)
        true(reader.problem is None, f"seed {options.seed}: {reader.problem}")
        true(reader.answered > 0, "linearizable reads were answered")
        checks.true(cluster.verify()["same"], "all hold the same")
        for node in cluster.nodes:
            equal(judge(load.history, clusters.read_all(node)), [], f"faults of {node.id}, seed {options.seed}")
        print("ok all_rounds")
        print(f"{options.rounds} rounds, seed {options.seed}: {len(load.history.acknowledged)} acknowledged, 0 lost, nothing "
              f"twice; {reader.answered} linearizable reads, {reader.refused} refused")


if __name__ == "__main__":
    sys.exit(main())
