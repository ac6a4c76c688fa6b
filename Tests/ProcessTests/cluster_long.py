"""What only time or size shows of a cluster, as long or as large as it is told.

    cluster_long.py steady [--minutes M] [--cold-gib G]   as much load as there is, then a cold scan on the leader: no election
    cluster_long.py replace [--records N]                 a server of a log of N records is replaced under load

Prints `ok steady` or `ok replace`, and the figures.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import clusters
import servers
from checks import equal, true, within
from clusters import servers_of
from history import History
from stubs import log_pb2, log_pb2_grpc

GIB = 1 << 30


def status(node, timeout=20):
    return node.call(lambda channel: log_pb2_grpc.ClusterStub(channel).GetStatus(
        log_pb2.GetStatusRequest(), timeout=timeout))


def log_of(node):
    return node.call(lambda channel: log_pb2_grpc.LogsStub(channel).DescribeLog(
        log_pb2.DescribeLogRequest(), timeout=clusters.LONG))


def client(cluster, *words, at=None, **options):
    root = cluster.root
    return subprocess.Popen(
        [servers.program("distlog-client"), "--servers", at or cluster.addresses(), "--ca", root.ca, "--cert",
         root.certificate, "--key", root.key, *words], **options)


@contextlib.contextmanager
def telling(cluster):
    """Where it fails, the servers' last words say more than a number."""
    try:
        yield cluster
    except BaseException:
        cluster.tell()
        raise


class Stream:
    """An endless stream of lines into `distlog-client produce`."""

    def __init__(self, cluster, line):
        self.lines = subprocess.Popen(["yes", line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.client = client(cluster, "produce", stdin=self.lines.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines.stdout.close()

    def end(self):
        """Lets it finish; its summary."""
        self.lines.kill()
        self.lines.wait()
        _, said = self.client.communicate(timeout=120)
        equal(self.client.returncode, 0, f"exit code of produce, which said {said.decode()[-400:]}")
        return said.decode().strip()

    def kill(self):
        self.lines.kill()
        self.client.kill()


class Watch(threading.Thread):
    """Asks who leads, twice a second, and keeps what is not as it was."""

    def __init__(self, cluster, leader):
        super().__init__(daemon=True)
        self.cluster, self.leader, self.term = cluster, leader, status(leader).term
        self.stop = threading.Event()
        self.problem, self.longest_wait = None, 0.0
        self.start()

    def run(self):
        while not self.stop.wait(0.5):
            begun = time.monotonic()
            try:
                told = status(self.leader)
            except grpc.RpcError as error:
                self.problem = f"no status: {error.code().name}: {error.details()}"
                return
            self.longest_wait = max(self.longest_wait, time.monotonic() - begun)
            if (told.term, told.leader_id) != (self.term, self.leader.id):
                self.problem = f"term {told.term} of {told.leader_id}, not {self.term} of {self.leader.id}"
                return


def forget_cached(folder):
    """What is on the disk is not in memory any more; dropping all needs root."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError:
        pass
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def steady(options):
    kept = int(options.cold_gib * GIB)
    flags = ["--logs-retention-bytes", str(kept + kept // 5), *options.flags]
    with servers.Workspace() as workspace, telling(clusters.Cluster(workspace, flags=flags)) as cluster:
        cluster.start()
        leader = cluster.leader()
        watch, streams = Watch(cluster, leader), [Stream(cluster, f"{number}" + "x" * 127) for number in range(2)]
        try:
            begun, end = time.monotonic(), time.monotonic() + 60 * options.minutes
            told = begun
            while time.monotonic() < end or sum(path.stat().st_size for path in leader.data.rglob("*.store")) < kept:
                true(watch.problem is None, f"after {time.monotonic() - begun:.0f} s: {watch.problem}")
                true(all(stream.client.poll() is None for stream in streams), "the producers run")
                true(time.monotonic() < end + 600, f"the log grows to {kept} bytes")
                if time.monotonic() - told > 60:
                    told = time.monotonic()
                    print(f"  {told - begun:.0f} s: end offset {log_of(leader).end_offset}", flush=True)
                time.sleep(0.2)
            for stream in streams:
                print(f"  load: {stream.end()}", flush=True)
            whole = log_of(leader)
            took = time.monotonic() - begun
            print(f"  {whole.end_offset} records in {took:.0f} s, {whole.end_offset / took:.0f}/s, no election, longest "
                  f"wait for a status {watch.longest_wait:.2f} s", flush=True)

            # The scan reads what was written first, while others write.
            forget_cached(leader.data)
            streams = [Stream(cluster, "y" * 128)]
            begun = time.monotonic()
            scan = client(cluster, "consume", "--from", "earliest", "--to", str(whole.end_offset), at=leader.address,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            _, said = scan.communicate(timeout=900)
            equal(scan.returncode, 0, f"exit code of consume, which said {said.decode()[-400:]}")
            true(watch.problem is None, f"during the scan: {watch.problem}")
            print(f"  scan: {said.decode().strip().splitlines()[-1]}", flush=True)
            print(f"  load: {streams[0].end()}", flush=True)
            true(watch.problem is None, f"after the scan: {watch.problem}")
            watch.stop.set()
            watch.join(30)
            print(f"  {time.monotonic() - begun:.0f} s, no election, longest wait for a status {watch.longest_wait:.2f} s")
        finally:
            for stream in streams:
                stream.kill()
        true(cluster.verify()["same"], "all hold the same")
        print("ok steady")


def replace(options):
    with servers.Workspace() as workspace, telling(clusters.Cluster(workspace, flags=options.flags)) as cluster:
        cluster.start()
        numbers = subprocess.Popen(["seq", str(options.records)], stdout=subprocess.PIPE)
        filling = client(cluster, "produce", stdin=numbers.stdout, stderr=subprocess.PIPE)
        numbers.stdout.close()
        equal(filling.wait(300), 0, "exit code of produce")
        start = options.records
        history, stop, problems = History(), threading.Event(), []
        producers = [clusters.Producer(cluster, f"r{number}", history) for number in range(3)]

        def run(producer):
            try:
                while not stop.is_set():
                    producer.produce(5)
            except Exception as error:
                problems.append(f"{error}")
        threads = [threading.Thread(target=run, args=(producer,), daemon=True) for producer in producers]
        for thread in threads:
            thread.start()
        stream = Stream(cluster, "other load")
        leader = cluster.leader()
        old = next(node for node in cluster.nodes if node is not leader)
        term = status(leader).term
        try:
            added = cluster.another()
            added.start()
            begun = time.monotonic()
            cluster.client("cluster", "add", added.id, added.address)
            roles = lambda: {server.id: server.role for server in servers_of(cluster.leader()).servers}
            within(120, lambda: roles().get(added.id) == log_pb2.SERVER_ROLE_VOTER, "the added one has a vote")
            print(f"  {options.records} records: the added server had a vote after {time.monotonic() - begun:.1f} s")
            old.kill()
            cluster.client("cluster", "remove", old.id)
            within(20, lambda: old.id not in roles(), "the old one is removed")
            left = [node for node in cluster.nodes if node is not old]
            before = len(history.acknowledged)
            clusters.stands_in_vain(old, left, lambda: len(history.acknowledged) > before + 1000)
            equal(status(leader).term, term, "the term: no election in all that time")
            stop.set()
            for thread in threads:
                thread.join(60)
            equal(problems, [], "problems of producers")
            print(f"  other load: {stream.end()}")
        finally:
            stop.set()
            stream.kill()
            for producer in producers:
                producer.close()
        refusals = {}
        for producer in producers:
            for reason, count in producer.refusals.items():
                refusals[reason] = refusals.get(reason, 0) + count
        old.terminate()
        true(cluster.verify()["same"], "all hold the same")
        for node in left:
            found = clusters.read_all(node)
            equal([value for _, value in found[:start]], [b"%d" % number for number in range(1, start + 1)], node.id)
            equal([offset for offset, _ in found], list(range(len(found))), f"offsets of {node.id}")
            ours = [(offset, value) for offset, value in found[start:] if value != b"other load"]
            at = {value: offset for offset, value in ours}
            equal(len(at), len(ours), f"values of {node.id}: nothing is there twice")
            lost = [value for value, offset in history.acknowledged.items() if at.get(value) != offset]
            equal(lost[:3], [], f"{len(lost)} acknowledged records that {node.id} has not")
        print(f"  {len(history.acknowledged)} acknowledged meanwhile to those that are judged, 0 lost, nothing twice, refusals "
              f"{refusals}")
        print("ok replace")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--calm", dest="flags", action="store_const", const=clusters.CALM, default=[],
                         help="servers whose leaders may stand still for longer")
    kinds = options.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("steady")
    kind.add_argument("--minutes", type=float, default=10)
    kind.add_argument("--cold-gib", type=float, default=5)
    kind.set_defaults(run=steady)
    kind = kinds.add_parser("replace")
    kind.add_argument("--records", type=int, default=1_000_000)
    kind.set_defaults(run=replace)
    options = options.parse_args()
    checks.give_up_after(3600)
    options.run(options)


if __name__ == "__main__":
    sys.exit(main())
