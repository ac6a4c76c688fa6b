"""The leader's disk fails in the middle of the load: who leads then, what was acknowledged, and whether all agree afterwards.

    cluster_disk_errors.py [--kind sync|write] [--calls 1-50]

Each turn the call with that number, counted from a moment under load, fails with EIO on the leader. It must be the leader no
more within a second; the others go on acknowledging; it ends with 74 when it is stopped, starts again, and all hold the same.
"""

import argparse
import errno
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import cluster_kills
import clusters
import faults
import servers
from history import judge

KINDS = {"sync": faults.SYNC, "write": faults.WRITE}
DEPOSED_WITHIN = 1.0  # seconds


def leads(cluster, node):
    """Whether it does, once asked to; a server that is still catching up does not take over at once."""
    if cluster.leader() is node:
        return True
    stub = clusters.log_pb2_grpc.ClusterStub
    request = clusters.log_pb2.TransferLeadershipRequest(to_id=node.id)
    try:
        cluster.leader().call(lambda channel: stub(channel).TransferLeadership(request, timeout=10))
    except grpc.RpcError:
        return False
    return cluster.leader() is node


def turn(cluster, load, shim, kind, call):
    victim = cluster.nodes[0]
    checks.within(30, lambda: leads(cluster, victim), f"{victim.id} leads")
    shim.arm(KINDS[kind], call, errno.EIO)
    checks.within(20, lambda: shim["faults"] > 0, f"{kind} {call} fails")
    began = time.monotonic()
    others = cluster.nodes[1:]
    checks.within(10, lambda: cluster.leader(among=others) in others, "another one leads")
    took = time.monotonic() - began
    before = len(load.history.acknowledged)
    checks.within(10, lambda: len(load.history.acknowledged) > before + 100, "acknowledgements go on")
    shim.disarm()
    checks.equal(victim.terminate(), 74, "exit code of the server whose disk failed")
    checks.true("a write failed" in victim.log(), "its log says so")
    victim.start()
    return took


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kind", choices=KINDS, default="sync")
    options.add_argument("--calls", default="1-3")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    first, _, last = options.calls.partition("-")
    calls = range(int(first), int(last or first) + 1)
    checks.give_up_after(60 + 15 * len(calls))
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace)
        shim = faults.Faults(workspace, cluster.nodes[0])
        cluster.start()
        load = cluster_kills.Load(cluster, 3, options.seed)
        took = [turn(cluster, load, shim, options.kind, call) for call in calls]
        load.finish()
        checks.true(cluster.verify()["same"], "all hold the same")
        for node in cluster.nodes:
            checks.equal(judge(load.history, clusters.read_all(node)), [], f"faults of {node.id}")
        checks.true(max(took) <= DEPOSED_WITHIN, f"deposed after {max(took):.2f} s")
        print(f"{options.kind} fails at calls {options.calls}: {len(load.history.acknowledged)} acknowledged, 0 lost, "
              f"another leader after {max(took):.2f} s at most")
        print("ok cluster_disk_errors")


if __name__ == "__main__":
    sys.exit(main())
