"""Cuts the power under all servers of a cluster at once, again and again, while producers write.

    cluster_power_cuts.py [--cuts N] [--seed S] [--variant none|all|sectors|torn] [--control]

A library under each server's calls keeps a journal, from which the disk is built that the cut leaves: without anything that
was not synced, with all of it, some sectors of it, or torn at a byte, each server in its own way. Nothing that was
acknowledged may be missing or moved, and all servers hold the same. With --control syncs do nothing, and a loss must be
found within five cuts: else the cuts would prove nothing.
"""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import clusters
import faults
import powercut
import servers
from cluster_kills import Load
from history import judge

MOST_CONTROL_CUTS = 5


class Machine:
    """A server, its disk, and the library between them."""

    def __init__(self, workspace, node):
        self.node = node
        self.faults = faults.Faults(workspace, node, journal=True)
        # Of a sync, ns: writes that are not synced must be there to be lost.
        self.faults["delay"] = 1_000_000
        self.disk = powercut.Disk(node.data, self.faults.journal)


def cut(cluster, machines, chance, variant):
    """All servers lose power; what each disk kept."""
    for machine in machines:
        machine.node.kill()
    found = []
    for machine in machines:
        kept = variant or chance.choice(powercut.VARIANTS)
        found.append(f"{machine.node.id} {kept} ({machine.disk.cut(kept, chance)} in doubt)")
    cluster.start()
    return ", ".join(found)


def run(options):
    chance = random.Random(options.seed)
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace, flags=["--storage-segment-bytes", "1MiB"])
        machines = [Machine(workspace, node) for node in cluster.nodes]
        cluster.start()
        if options.control:
            for machine in machines:
                machine.faults["forget_syncs"] = 1
        load = Load(cluster, 4, options.seed)
        for number in range(1, (MOST_CONTROL_CUTS if options.control else options.cuts) + 1):
            before = len(load.history.acknowledged)
            checks.within(60, lambda: len(load.history.acknowledged) > before + 50, "something is acknowledged")
            # Not a signal: the moment of the cut is what varies.
            time.sleep(chance.random() * 0.4)
            what = cut(cluster, machines, chance, "none" if options.control else options.variant)
            if load.problems:
                raise AssertionError(f"cut {number}: {load.problems}")
            print(f"ok cut {number}", flush=True)
            print(f"  {what}", file=sys.stderr)
        load.finish()
        checks.true(cluster.verify()["same"], "all hold the same")
        for node in cluster.nodes:
            checks.equal(judge(load.history, clusters.read_all(node)), [], f"faults of {node.id}, seed {options.seed}")
        lost = sum(machine.disk.forgotten for machine in machines)
        checks.true(lost > 0, "the cuts took nothing away")
        return f"{len(load.history.acknowledged)} acknowledged, 0 lost; the cuts took {lost} bytes away"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cuts", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--control", action="store_true")
    options.add_argument("--variant", choices=powercut.VARIANTS, help="what every disk keeps")
    options = options.parse_args()
    checks.give_up_after(150 + 20 * options.cuts)
    if not options.control:
        print(run(options), file=sys.stderr)
        print("ok all_cuts")
        return 0
    try:
        run(options)
    except AssertionError as error:
        print(f"found, as it must be (seed {options.seed}): {checks.first_line(error)}", file=sys.stderr)
        print("ok control")
        return 0
    raise AssertionError(f"syncs did nothing and {MOST_CONTROL_CUTS} cuts did not show it (seed {options.seed})")


if __name__ == "__main__":
    sys.exit(main())
