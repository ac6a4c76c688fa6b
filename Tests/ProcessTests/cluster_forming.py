"""How real servers form a cluster, and what they do not form.

    cluster_forming.py [name of a check...]
"""

import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import clusters
import servers
import stubs
from checks import equal, true, within
from cluster_kills import Load
from clusters import Producer, servers_of
from history import History, judge
from stubs import log_pb2, log_pb2_grpc

SEED = 20261127
check = checks.Checks()


def in_a_folder(workspace, name):
    """A workspace of its own within another, with the same certificates."""
    inner = servers.Workspace.__new__(servers.Workspace)
    inner.path = workspace.path / name
    inner.path.mkdir()
    inner.certificates, inner.servers = workspace.certificates, workspace.servers
    return inner


@check
def six_servers_that_expect_three_form_one_cluster(workspace):
    cluster = clusters.Cluster(in_a_folder(workspace, "six"), count=6, expected=3, seeds=3)
    cluster.start()
    answers = [servers_of(node) for node in cluster.nodes]
    equal(len({answer.cluster_id for answer in answers}), 1, "clusters")
    # Those that are no members know nobody.
    lists = within(10, lambda: [answer for answer in map(servers_of, cluster.nodes) if answer.leader_id], "a leader")
    equal(len(lists[0].servers), 3, f"members {lists[0].servers}")
    for node in cluster.nodes:
        node.kill()


@check
def kills_while_it_forms_never_make_two(workspace):
    chance = random.Random(SEED)
    for turn in range(6):
        cluster = clusters.Cluster(in_a_folder(workspace, f"kills{turn}"), count=3)
        for node in cluster.nodes:
            node.begin()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            time.sleep(chance.random() * 0.15)
            node = chance.choice(cluster.nodes)
            node.kill()
            node.begin()
        for node in cluster.nodes:
            node.await_ready()
        answers = [servers_of(node) for node in cluster.nodes]
        equal(len({answer.cluster_id for answer in answers}), 1, f"clusters in turn {turn}, seed {SEED}")
        cluster.leader()
        for node in cluster.nodes:
            node.kill()


@check
def two_servers_of_one_name_form_nothing(workspace):
    cluster = clusters.Cluster(in_a_folder(workspace, "twins"), count=3)
    twin = cluster.nodes[2]
    usual = twin.command
    twin.command = lambda: [("node2" if word == "node3" else word) for word in usual()]
    for node in cluster.nodes:
        node.begin()
    within(10, lambda: "two servers are called node2" in cluster.nodes[0].log(), "the log says why")
    for node in cluster.nodes:
        true("ready" not in node.log(), f"{node.id} is ready")
        # Told to stop, they stop.
        equal(node.terminate(within=5), 0, "exit code")


@check
def a_client_is_told_that_there_is_no_cluster_yet(workspace):
    cluster = clusters.Cluster(in_a_folder(workspace, "alone"), count=3)
    first = cluster.nodes[0]
    first.begin()
    within(10, lambda: "1 of 3 servers have met" in first.log(), "it waits")
    stubs.expect(lambda: servers_of(first), grpc.StatusCode.UNAVAILABLE, "NOT_READY")
    equal(first.terminate(within=5), 0, "exit code")


def the_lost_ones_live_on(cluster, last, lost, id):
    """With what they have they are the old cluster, and it and the new one leave each other alone."""
    for node in lost:
        node.start()
    leader = cluster.leader(among=lost)
    equal({servers_of(node).cluster_id for node in lost}, {id}, "the old cluster's id")
    for at in (last, leader):
        cluster.client("produce", text=f"{at.id}:0\n".encode(), servers_at=at.address)
    # Some elections' time.
    time.sleep(3)
    last.kill()
    last.start()
    answer = servers_of(last)
    true(answer.cluster_id != id, f"{last.id} is of the cluster {id} again")
    equal([server.id for server in answer.servers], [last.id])
    for at, other in ((last, leader), (leader, last)):
        values = [value for _, value in clusters.read_all(at)]
        true(f"{at.id}:0".encode() in values, f"{at.id} lost a record")
        true(f"{other.id}:0".encode() not in values, f"{at.id} has a record of {other.id}")
    for node in lost:
        equal(node.terminate(), 0, "exit code")


@check
def one_server_is_recovered_when_the_majority_is_lost(workspace):
    cluster = clusters.Cluster(workspace).start()
    history = History()
    producer = Producer(cluster, "l", history)
    for _ in range(40):
        producer.produce(3)
    producer.close()
    cluster.verify()
    for node in cluster.nodes:
        node.kill()
    last, lost = cluster.nodes[0], cluster.nodes[1:]

    def recover(*words, code=0):
        found = subprocess.run([servers.program("distlogd"), "recover", str(last.data), *words],
                               input=b"yes\n", capture_output=True, timeout=30)
        equal(found.returncode, code, f"exit code ({found.stderr.decode()})")
        return found.stderr.decode()
    told = recover(code=10)
    true("nothing was changed" in told and "node1, node2, node3" in told, told)
    id = told.split("cluster", 1)[1].split()[0]
    told = recover("--confirm", id)
    true(f"Cluster {id} is now cluster " in told, told)
    true("nothing to recover" in recover(), "it is one already")
    last.start()
    equal([server.id for server in servers_of(last).servers], ["node1"])
    equal(judge(history, clusters.read_all(last)), [])
    the_lost_ones_live_on(cluster, last, lost, id)
    history.sent([b"node1:0"])
    equal(judge(history, clusters.read_all(last)), [])
    for node in lost:
        shutil.rmtree(node.data)
        node.expect = 0
        node.start()
        cluster.client("cluster", "add", node.id, node.address, servers_at=last.address)
    within(40, lambda: sum(server.role == log_pb2.SERVER_ROLE_VOTER
                           for server in servers_of(cluster.leader()).servers) == 3, "three voters")
    cluster.verify()
    for node in cluster.nodes:
        equal(judge(history, clusters.read_all(node)), [])
        equal(node.terminate(), 0, "exit code")


@check
def a_single_node_grows_into_a_cluster(workspace):
    cluster = clusters.Cluster(in_a_folder(workspace, "grows"), count=3)
    first = cluster.nodes[0]
    first.expect = 1
    cluster.seeds = [first.address]
    first.start()
    history = History()
    producer = clusters.Producer(cluster, "g", history)
    for _ in range(100):
        producer.produce(10)
    for node in cluster.nodes[1:]:
        node.expect = 0
        node.start()
        cluster.client("cluster", "add", node.id, node.address, servers_at=first.address)
        producer.produce(10)
    within(40, lambda: sum(server.role == log_pb2.SERVER_ROLE_VOTER for server in servers_of(first).servers) == 3,
           "all have a vote")
    first.kill()
    for _ in range(100):
        producer.produce(10)
    first.start()
    cluster.verify()
    producer.close()
    for node in cluster.nodes:
        equal(judge(history, clusters.read_all(node)), [])
        node.kill()


@check
def a_folder_of_the_version_before_becomes_a_cluster(workspace):
    """As it is, and grows to three under load."""
    fixtures = servers.REPOSITORY / "Tests" / "Fixtures"
    names = sorted(path.name for path in fixtures.glob("format-*") if path.is_dir())
    true(names, f"data folders in {fixtures}")
    for name in names:
        cluster = clusters.Cluster(in_a_folder(workspace, f"old-{name}"), count=3)
        node = cluster.nodes[0]
        shutil.copytree(fixtures / name / "data", node.data)
        node.expect = 1
        cluster.seeds = [node.address]
        node.start()
        start = node.call(lambda channel: log_pb2_grpc.LogsStub(channel).DescribeLog(
            log_pb2.DescribeLogRequest(), timeout=clusters.LONG)).start_offset
        before = clusters.read_all(node, start)
        expected = (fixtures / name / "records.txt").read_bytes()
        true(before and all(value in expected for _, value in before if value.isalnum()), f"records in {name}")
        load = Load(cluster, 2, 1)
        node.kill()
        node.start()
        equal([server.id for server in servers_of(node).servers], [node.id])
        for other in cluster.nodes[1:]:
            other.expect = 0
            other.start()
            cluster.client("cluster", "add", other.id, other.address, servers_at=node.address)
        within(40, lambda: sum(server.role == log_pb2.SERVER_ROLE_VOTER for server in servers_of(node).servers) == 3,
               "all have a vote")
        node.kill()
        acknowledged = len(load.history.acknowledged)
        within(20, lambda: len(load.history.acknowledged) > acknowledged, "the two others go on")
        node.start()
        load.finish()
        true(cluster.verify()["same"], "all hold the same")
        for one in cluster.nodes:
            after = clusters.read_all(one, start)
            equal(after[:len(before)], before, f"records of {name} at {one.id}")
            equal(judge(load.history, after[len(before):], start + len(before)), [], one.id)
            one.kill()


def main():
    checks.give_up_after(240)
    with servers.Workspace() as workspace:
        return check.run(workspace, only=sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
