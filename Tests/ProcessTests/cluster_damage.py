"""Damages what one server of a cluster has on its disk, again and again, under load, and expects it to heal.

    cluster_damage.py [--runs N] [--seed S]

Each run: one server is killed with -9, stopped or left running; a bit of its acknowledged entries is flipped, or a page of
them zeroed, or of an index; it starts again if it was down. `cluster verify` has to find all servers equal in the end, and
nothing that was acknowledged may be missing. At the very end every folder is looked at byte by byte.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import clusters
import servers
from cluster_kills import Load
from history import judge

HEADER = 64


def used(path):
    """Bytes up to the last one that is not zero: behind that is reserved space."""
    return len(path.read_bytes().rstrip(b"\0"))


def damage(node, chance):
    """What was done, in words."""
    # A header is looked at when a server starts, and once a day.
    kind = chance.choice(("bit", "bit", "bit", "page", "index") + (("header",) if not node.is_up() else ()))
    suffix = "index" if kind == "index" else "store"
    files = sorted(node.data.glob(f"logs/*/*.{suffix}"))
    # What is being written right now may be cut as a torn write, rightly: not the last two entries' bytes.
    least = 600 if suffix == "index" else 8000
    files = [file for file in files if used(file) > HEADER + least]
    if not files:
        return "nothing: too little is there"
    file = chance.choice(files)
    start, end = (0 if suffix == "index" or kind == "header" else HEADER), used(file) - (400 if suffix == "index" else 6000)
    if kind == "header":
        end = HEADER
    with open(file, "r+b", buffering=0) as store:
        place = chance.randrange(start, end)
        store.seek(place)
        if kind == "page":
            store.write(bytes(min(4096, end - place)))
        else:
            byte = store.read(1)[0]
            store.seek(place)
            store.write(bytes([byte ^ 1 << chance.randrange(8)]))
    return f"{kind} {file.name} at {place} of {end}"


def healed(cluster, end):
    """All hold the same, at least up to the offset `end`: whoever is behind has not read what was damaged."""
    found = subprocess.run(
        [servers.program("distlog-client"), "--servers", cluster.addresses(), "--ca", cluster.root.ca,
         "--cert", cluster.root.certificate, "--key", cluster.root.key, "-o", "json", "cluster", "verify"],
        capture_output=True, timeout=60)
    checks.true(found.returncode in (0, 10), f"exit code {found.returncode} of cluster verify: {found.stderr.decode()}")
    checks.true(b"is damaged" not in found.stderr or b"again in a moment" in found.stderr, found.stderr.decode())
    if found.returncode != 0:
        return False
    told = json.loads(found.stdout)
    return told["same"] and int(told["endOffset"]) >= end


def each_lost_file_names_a_remedy(node):
    """What no other server can give back: the start says which file it is, and what to do."""
    checks.equal(node.terminate(), 0, "exit code")
    folder = next(node.data.glob("logs/*"))
    # Both copies of what has two, and no file at all.
    for file in (node.data / "formation", node.data / "identity", folder / "meta", folder / "hardstate"):
        good = file.read_bytes()
        for bad in (bytes(byte ^ 0xFF for byte in good), None):
            if bad is None:
                file.unlink()
            else:
                file.write_bytes(bad)
            known = len(node.log())
            node.begin()
            checks.equal(node.wait(20), 74, f"exit code without a good {file.name}")
            told = node.log()[known:]
            checks.true(file.name in told and "empty data folder" in told, f"{file.name}, {bad is None}: {told}")
            checks.true("asked for from" not in told, told)
        file.write_bytes(good)
    node.start()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=6)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    checks.give_up_after(120 + 30 * options.runs)
    chance = random.Random(options.seed)
    with servers.Workspace() as workspace:
        cluster = clusters.Cluster(workspace, flags=["--storage-segment-bytes", "1MiB"]).start()
        each_lost_file_names_a_remedy(cluster.nodes[0])
        load = Load(cluster, 4, options.seed)
        for run in range(1, options.runs + 1):
            before = len(load.history.acknowledged)
            checks.within(60, lambda: len(load.history.acknowledged) > before + 500, "something is acknowledged")
            node = chance.choice(cluster.nodes)
            how = chance.choice(("killed", "stopped", "running"))
            if how == "killed":
                node.kill()
            elif how == "stopped":
                checks.equal(node.terminate(), 0, "exit code")
            end = max(list(load.history.acknowledged.values())) + 1
            what = damage(node, chance)
            if how != "running":
                node.start()
            checks.within(40, lambda: healed(cluster, end), f"all are equal after {node.id} {how}, {what}")
            print(f"ok run {run}", flush=True)
            print(f"  {node.id} {how}, {what}", file=sys.stderr)
        load.finish()
        cluster.verify()
        for node in cluster.nodes:
            checks.equal(judge(load.history, clusters.read_all(node)), [], f"{node.id} (seed {options.seed})")
        for node in cluster.nodes:
            checks.equal(node.terminate(), 0, "exit code")
            found = subprocess.run(
                [servers.program("distlogd"), "verify", str(node.data)], capture_output=True, timeout=60)
            faults = [line for line in found.stdout.decode().splitlines() if ", byte " in line]
            # An index that nobody has used since it was damaged is put right when somebody does.
            checks.equal([line for line in faults if ".index, " not in line], [], f"distlogd verify of {node.id}")
            checks.true(found.returncode == (10 if faults else 0), f"exit code {found.returncode} of distlogd verify")
        mended = sum(node.log().count("damage was mended") for node in cluster.nodes)
        checks.true(mended > 0, "nothing was ever mended: the damage was not met")
        print(f"{len(load.history.acknowledged)} acknowledged, none lost; mended {mended} times", file=sys.stderr)
        print("ok all_runs")


if __name__ == "__main__":
    main()
