"""How long nothing is acknowledged when the leader is killed, or stopped: medians.

    measure_failover.py [--turns N] [--by client|python]

One producer writes a record at a time over an idempotent stream (`distlog-client produce --ack-output json` at a steady rate);
the leader is ended with -9, or stopped with SIGSTOP, and comes back before the next turn.
"""

import argparse
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import clusters
import servers

RATE = 500  # records a second


class Stream:
    """distlog-client fed line by line; notes when each acknowledgement came."""

    def __init__(self, cluster):
        root = cluster.root
        self.process = subprocess.Popen(
            [servers.program("distlog-client"), "--servers", cluster.addresses(), "--ca", root.ca, "--cert", root.certificate,
             "--key", root.key, "--timeout", "30s", "produce", "--linger", "1ms", "--ack-output", "offsets"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.times, self.offsets = [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]
        for thread in self.threads:
            thread.start()

    def _write(self):
        number = 0
        while not self.stop.is_set():
            self.process.stdin.write(b"%d\n" % number)
            number += 1
            time.sleep(1 / RATE)
        self.process.stdin.close()

    def _read(self):
        for line in self.process.stdout:
            self.times.append(time.monotonic())
            self.offsets.append(int(line))

    def longest_gap(self, since):
        times = [at for at in self.times if at >= since - 0.1]
        return max(after - before for before, after in zip(times, times[1:]))

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        code = self.process.wait(60)
        checks.equal(code, 0, f"exit code ({self.process.stderr.read()[-300:]})")
        checks.equal(len(set(self.offsets)), len(self.offsets), "different offsets")


def turn(cluster, stream, stops):
    leader = cluster.leader()
    before = len(stream.times)
    checks.within(10, lambda: len(stream.times) > before + 100, "acknowledgements come")
    began = time.monotonic()
    if stops:
        leader.freeze()
    else:
        leader.kill()
    others = [node for node in cluster.nodes if node is not leader]
    cluster.leader(among=others)
    count = len(stream.times)
    checks.within(20, lambda: len(stream.times) > count + 50, "acknowledgements come again")
    gap = stream.longest_gap(began)
    if stops:
        leader.signal(signal.SIGCONT)
    else:
        leader.start()
    time.sleep(1)
    return gap


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--turns", type=int, default=20)
    options = options.parse_args()
    checks.give_up_after(120 + 20 * options.turns)
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace).start()
        stream = Stream(cluster)
        for stops in (False, True):
            gaps = sorted(turn(cluster, stream, stops) for _ in range(options.turns))
            name = "stopped (SIGSTOP)" if stops else "killed (-9)"
            print(f"leader {name}: gap median {statistics.median(gaps):.3f} s, min {gaps[0]:.3f}, max {gaps[-1]:.3f}, "
                  f"{options.turns} turns", flush=True)
        stream.finish()


if __name__ == "__main__":
    sys.exit(main())
