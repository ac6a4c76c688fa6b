"""Kills, stops and slows the servers of a cluster again and again while producers write, and judges what each holds.

    cluster_kills.py [--rounds N] [--seed S] [--kind all|leader|rolling|stop|slow]

Each round: idempotent producers write while the leader is killed with -9, or one after the other, or all at once, at random
times, and they start again; or (stop) a server, mostly the leader, is stopped for longer than an election timeout and goes
on as if nothing had been; or (slow) each sync of a server takes up to a second longer for a while. Producers send again what
is in doubt. At the end all servers hold the same: nothing that was acknowledged is missing or moved, nothing is there twice,
batches are whole.
"""

import argparse
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import clusters
import faults
import servers
from history import History, judge


class Load:
    """Producers that write until they are told to stop, whatever happens to the servers."""

    def __init__(self, cluster, count, seed):
        self.history = History()
        self.stop = threading.Event()
        self.problems = []
        self.producers = [clusters.Producer(cluster, f"p{number}", self.history) for number in range(count)]
        self.threads = [threading.Thread(target=self._run, args=(producer, random.Random(seed + place)), daemon=True)
                        for place, producer in enumerate(self.producers)]
        for thread in self.threads:
            thread.start()

    def _run(self, producer, chance):
        try:
            while not self.stop.is_set():
                producer.produce(chance.randint(1, 20), chance.choice((0, 10, 100, 1000)), within=60)
        except Exception as error:
            self.problems.append(f"{error}")

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(90)
        for producer in self.producers:
            producer.close()
        checks.equal(self.problems, [], "problems of producers")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kind", choices=("all", "leader", "rolling", "stop", "slow"), help="always this one")
    options = options.parse_args()
    checks.give_up_after(120 + 10 * options.rounds)
    chance = random.Random(options.seed)
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace, flags=["--storage-segment-bytes", "1MiB"])
        disks = {node: faults.Faults(workspace, node) for node in cluster.nodes}
        cluster.start()
        load = Load(cluster, 4, options.seed)
        for round in range(1, options.rounds + 1):
            before = len(load.history.acknowledged)
            checks.within(60, lambda: len(load.history.acknowledged) > before, "something is acknowledged")
            time.sleep(chance.random() * 0.5)
            kind = options.kind or chance.choice(("all", "all", "leader", "rolling", "stop", "slow"))
            if kind == "all":
                for node in cluster.nodes:
                    node.kill()
                cluster.start()
            elif kind == "leader":
                leader = cluster.leader(within=30)
                leader.kill()
                time.sleep(chance.random() * 0.5)
                leader.start()
            elif kind == "stop":
                one = cluster.leader(within=30) if chance.random() < 0.8 else chance.choice(cluster.nodes)
                one.process.send_signal(signal.SIGSTOP)
                time.sleep(0.4 + chance.random() * 2)
                one.process.send_signal(signal.SIGCONT)
            elif kind == "slow":
                one = cluster.leader(within=30) if chance.random() < 0.8 else chance.choice(cluster.nodes)
                disks[one]["delay"] = chance.choice((20, 200, 1000)) * 1_000_000
                time.sleep(0.5 + chance.random() * 2)
                disks[one]["delay"] = 0
            else:
                for node in cluster.nodes:
                    node.kill()
                    time.sleep(chance.random() * 0.2)
                    node.start()
            if load.problems:
                raise SystemExit(f"FAIL round {round} ({kind}), seed {options.seed}: {load.problems}")
            print(f"ok round {round}", flush=True)
        load.finish()
        checks.true(cluster.verify()["same"], "all hold the same")
        for node in cluster.nodes:
            checks.equal(judge(load.history, clusters.read_all(node)), [], f"faults of {node.id}, seed {options.seed}")
        print("ok all_rounds")
        print(f"{options.rounds} rounds, seed {options.seed}: {len(load.history.acknowledged)} acknowledged, 0 lost, "
              f"nothing twice, refusals {[producer.refusals for producer in load.producers][0]}")


if __name__ == "__main__":
    sys.exit(main())
