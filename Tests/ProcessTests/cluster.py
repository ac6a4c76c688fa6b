"""A cluster of three real servers, as clients and operators meet it.

    cluster.py [name of a check...]
"""

import json
import pathlib
import shutil
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import clusters
import servers
import stubs
from checks import equal, true, within
from clusters import LONG, Producer, read_all, servers_of
from history import History, judge
from stubs import log_pb2, log_pb2_grpc

FAILED = grpc.StatusCode.FAILED_PRECONDITION
check = checks.Checks()


def record(value):
    return log_pb2.ProduceRequest(record=log_pb2.Record(value=value))


def produce(node, request, credentials=None):
    return node.call(lambda channel: log_pb2_grpc.LogStub(channel).Produce(request, timeout=LONG), credentials)


def consume(node, offset, **fields):
    return node.call(lambda channel: log_pb2_grpc.LogStub(channel).Consume(
        log_pb2.ConsumeRequest(offset=offset, **fields), timeout=LONG))


def write(cluster, value):
    """One record, at whoever leads."""
    return within(20, lambda: unless_another_leads(lambda: produce(cluster.leader(), record(value))), "a record is written")


def unless_another_leads(call):
    try:
        return call()
    except grpc.RpcError as error:
        info = stubs.Failure(error).info
        if info and info.reason in ("NOT_LEADER", "NO_LEADER", "OUTCOME_UNKNOWN"):
            return None
        raise


def producer_id(node, name="", credentials=None):
    return node.call(lambda channel: log_pb2_grpc.ProducersStub(channel).InitProducer(
        log_pb2.InitProducerRequest(name=name), timeout=LONG), credentials)


def stamped(identity, sequence, value=b"s", count=1):
    return log_pb2.ProduceRequest(
        records=[log_pb2.Record(value=value)] * count, producer_id=identity.producer_id,
        producer_epoch=identity.producer_epoch, sequence=sequence)


def status(node):
    return node.call(lambda channel: log_pb2_grpc.ClusterStub(channel).GetStatus(
        log_pb2.GetStatusRequest(), timeout=LONG))


@check
def three_servers_agree_on_who_they_are(cluster):
    leader = cluster.leader()
    answers = [servers_of(node) for node in cluster.nodes]
    equal({answer.cluster_id for answer in answers}, {answers[0].cluster_id})
    equal({answer.leader_id for answer in answers}, {leader.id})
    for answer in answers:
        equal([server.id for server in answer.servers], ["node1", "node2", "node3"])
        equal([server.rpc_addr for server in answer.servers], [node.address for node in cluster.nodes])
        equal([server.id for server in answer.servers if server.is_leader], [leader.id])


@check
def followers_refuse_writes_and_serve_reads(cluster):
    leader = cluster.leader()
    first = produce(leader, record(b"first")).offset
    for node in cluster.nodes:
        if node is not leader:
            stubs.expect(
                lambda: produce(node, record(b"no")), grpc.StatusCode.UNAVAILABLE, "NOT_LEADER",
                {"leader_id": leader.id, "leader_addr": leader.address})
        # Whoever is asked knows all that was acknowledged before.
        answer = consume(node, first, consistency=log_pb2.READ_LINEARIZABLE)
        equal((answer.record.offset, answer.record.value), (first, b"first"))
    for round in range(20):
        offset = produce(leader, record(b"%d" % round)).offset
        for node in cluster.nodes:
            equal(consume(node, offset, consistency=log_pb2.READ_LINEARIZABLE).record.value, b"%d" % round)


@check
def a_request_of_four_mib_reaches_all(cluster):
    leader = cluster.leader()
    request = log_pb2.ProduceRequest(records=[log_pb2.Record(value=bytes([place]) * 1_040_000) for place in range(4)])
    true(4_150_000 < request.ByteSize() <= 4 << 20, f"{request.ByteSize()} bytes")
    first = produce(leader, request).offset
    for node in cluster.nodes:
        answer = consume(node, first + 3, wait_ms=10_000)
        equal(answer.record.value, bytes([3]) * 1_040_000)


@check
def what_a_producer_may_not_do_is_refused(cluster):
    leader = cluster.leader()
    own = producer_id(leader)
    first = produce(leader, stamped(own, 0, count=2))
    equal(first.duplicate, False)
    again = produce(leader, stamped(own, 0, count=2))
    equal((again.duplicate, again.offset, again.last_offset), (True, first.offset, first.last_offset))
    stubs.expect(lambda: produce(leader, stamped(own, 5)), FAILED, "SEQUENCE_GAP", {"expected": 2})
    unknown = log_pb2.InitProducerResponse(producer_id=1 << 40, producer_epoch=0)
    stubs.expect(lambda: produce(leader, stamped(unknown, 3)), FAILED, "PRODUCER_UNKNOWN")
    for sequence in range(2, 70):
        produce(leader, stamped(own, sequence))
    stubs.expect(lambda: produce(leader, stamped(own, 0, count=2)), FAILED, "SEQUENCE_TOO_OLD")
    named = producer_id(leader, "cluster.py")
    produce(leader, stamped(named, 0))
    heir = producer_id(leader, "cluster.py")
    equal((heir.producer_id, heir.producer_epoch), (named.producer_id, named.producer_epoch + 1))
    stubs.expect(lambda: produce(leader, stamped(named, 1)), FAILED, "PRODUCER_FENCED", {"epoch": heir.producer_epoch})
    other = cluster.workspace.certificate("other")
    stubs.expect(
        lambda: produce(leader, stamped(heir, 0), other), grpc.StatusCode.PERMISSION_DENIED, "ACL_DENIED")
    end = produce(leader, record(b"end")).offset + 1
    request = record(b"expected")
    request.expected_offset = end
    equal(produce(leader, request).offset, end)
    stubs.expect(lambda: produce(leader, request), FAILED, "OFFSET_MISMATCH", {"next": end + 1})


@check
def duplicates_are_known_to_the_next_leader(cluster):
    leader = cluster.leader()
    own = producer_id(leader)
    first = produce(leader, stamped(own, 0, b"once", 3))
    leader.kill()
    heir = cluster.leader()
    true(heir is not leader, "another server leads")
    again = produce(heir, stamped(own, 0, b"once", 3))
    equal((again.duplicate, again.offset), (True, first.offset))
    equal(produce(heir, stamped(own, 3, b"twice")).duplicate, False)
    leader.start()
    cluster.verify()


@check
def any_two_go_on_and_the_third_catches_up(cluster):
    history = History()
    producer = Producer(cluster, "p", history)
    start = end_of(cluster.leader())
    for node in cluster.nodes:
        equal(node.terminate(), 0, "exit code")
    for place, absent in enumerate(list(cluster.nodes)):
        cluster.start([node for node in cluster.nodes if node is not absent and not node.is_up()])
        cluster.leader()
        for _ in range(50):
            producer.produce(3)
        absent.start()
        true(cluster.verify()["same"], "all hold the same")
        if place < 2:
            equal(cluster.nodes[place + 1].terminate(), 0, "exit code")
    producer.close()
    for node in cluster.nodes:
        equal(judge(history, read_all(node, start), start), [])


def end_of(node):
    return node.call(lambda channel: log_pb2_grpc.LogsStub(channel).DescribeLog(
        log_pb2.DescribeLogRequest(), timeout=LONG)).end_offset


@check
def every_server_tells_how_all_stand(cluster):
    leader = cluster.leader()
    end = produce(leader, record(b"status")).offset + 1
    within(10, lambda: all(end_of(node) == end for node in cluster.nodes), "all have it")
    for node in cluster.nodes:
        found = status(node)
        equal(found.server_id, node.id)
        equal(found.raft_state, "leader" if node is leader else "follower")
        equal(found.leader_id, leader.id)
        true(found.disk_free_bytes > 0 and found.disk_used_bytes > 0, "disk")
        true(all(replica.disk_free_bytes > 0 and replica.disk_used_bytes > 0 for replica in found.replicas), "disks")
        equal((found.limits["storage.segmentBytes"], found.limits["raft.heartbeat"]), (1 << 20, 50))
        equal(found.commit_index, found.applied_index)
        equal([(each.server_id, each.end_offset, each.lag_records) for each in found.replicas],
              [(name, end, 0) for name in ("node1", "node2", "node3")])
        equal(sorted(peer.server_id for peer in found.peers),
              sorted(each.id for each in cluster.nodes if each is not leader) if node is leader else [])
    equal(cluster.client("cluster", "health", "--wait"), b"healthy\n")
    table = cluster.client("cluster", "status").decode()
    true(f"leader {leader.id}" in table and table.count("voter") == 2, table)


@check
def sigterm_hands_leadership_over_and_changes_no_members(cluster):
    leader = cluster.leader()
    producer = Producer(cluster, "t", History())
    producer.produce()
    stopped = threading.Thread(target=lambda: equal(leader.terminate(), 0, "exit code"))
    stopped.start()
    while stopped.is_alive():
        producer.produce()
    for _ in range(20):
        producer.produce()
    stopped.join()
    producer.close()
    # An election would take an election timeout at least.
    print(f"  longest gap {producer.longest_gap * 1000:.0f} ms", file=sys.stderr)
    true("NO_LEADER" not in producer.refusals or producer.longest_gap < 1.5, f"{producer.refusals}")
    equal([server.id for server in servers_of(cluster.leader()).servers], ["node1", "node2", "node3"])
    leader.start()
    cluster.verify()


@check
def what_is_kept_is_set_for_all(cluster):
    leader = cluster.leader()
    for _ in range(8):
        leader_end = write(cluster, b"x" * 300_000).offset + 1
    before = info_of(leader)
    cut = leader_end - 3
    shown = json.loads(cluster.client("-o", "json", "log", "truncate", "--before", str(cut)))
    equal((int(shown["startOffset"]), int(shown["endOffset"])), (cut, leader_end))
    within(5, lambda: all(info_of(node).start_offset == cut for node in cluster.nodes), "all begin there")
    for node in cluster.nodes:
        with stubs.channel(node.address, cluster.root) as channel:
            log = log_pb2_grpc.LogStub(channel)
            stubs.expect(lambda: log.Consume(log_pb2.ConsumeRequest(offset=cut - 1), timeout=LONG),
                         grpc.StatusCode.OUT_OF_RANGE, "OFFSET_TRUNCATED", {"start": cut})
        equal(first_offset(node), cut)
    true(info_of(leader).bytes < before.bytes, "whole segments went")
    cluster.client("log", "truncate", "--before", str(cut - 1))  # nothing to do
    cluster.client("log", "truncate", "--before", str(leader_end + 1), code=11)
    cluster.client("log", "set", "--retention-bytes", "1MiB", "--retention-age", "none")
    for node in cluster.nodes:
        within(5, lambda: (info_of(node).config.retention_bytes, info_of(node).config.retention_ms)
               == (1 << 20, -1), f"the settings of {node.id}")
    for _ in range(12):
        write(cluster, b"y" * 300_000)
    start = within(5, lambda: moved(cluster, cut), "retention moves the start on all alike")
    cluster.client("log", "set", "--retention-bytes", "none")
    cluster.client("log", "set", code=64)
    cluster.client("log", "set", "--retention-age", "-1s", code=64)
    for node in cluster.nodes:
        equal(node.terminate(), 0, "exit code")
    cluster.start()
    cluster.leader()
    for node in cluster.nodes:
        found = info_of(node)
        true(found.start_offset >= start, "the start after a restart")
        equal((found.config.retention_bytes, found.config.retention_ms), (-1, -1))
    cluster.verify()


def moved(cluster, cut):
    starts = {info_of(node).start_offset for node in cluster.nodes}
    return starts.pop() if len(starts) == 1 and min(starts) > cut + 3 else None


def info_of(node):
    return node.call(lambda channel: log_pb2_grpc.LogsStub(channel).DescribeLog(
        log_pb2.DescribeLogRequest(), timeout=LONG))


def first_offset(node):
    request = log_pb2.ConsumeRequest(start=log_pb2.START_EARLIEST)
    return node.call(lambda channel: log_pb2_grpc.LogStub(channel).Consume(request, timeout=LONG)).record.offset


@check
def a_server_joins_a_log_that_has_lost_its_front(cluster):
    """Also one that was away while the log's start went past its end."""
    away = next(node for node in cluster.nodes if node is not cluster.leader())
    away.kill()
    producer = Producer(cluster, "i", History())
    own = producer_id(cluster.leader())
    first = produce(cluster.leader(), stamped(own, 0, b"before the image", 1))
    for _ in range(40):
        write(cluster, b"z" * 200_000)
    end = end_of(cluster.leader())
    cluster.client("log", "truncate", "--before", str(end - 5))
    away.start()
    within(15, lambda: "its log begins anew" in away.log(), "an image came")
    within(10, lambda: info_of(away).end_offset == end_of(cluster.leader()), "it catches up")
    equal(first_offset(away), end - 5)
    cluster.verify()
    # What the removed entries brought is known to a server that has never seen them.
    cluster.client("cluster", "transfer", away.id)
    leader = cluster.leader()
    equal(leader.id, away.id)
    again = produce(leader, stamped(own, 0, b"before the image", 1))
    equal((again.duplicate, again.offset), (True, first.offset))
    producer.close()
    added = cluster.another()
    added.start()
    cluster.client("cluster", "add", added.id, added.address)
    within(20, lambda: any(server.id == added.id and server.role == log_pb2.SERVER_ROLE_VOTER
                           for server in servers_of(cluster.leader()).servers), "the added one has a vote")
    equal(first_offset(added), end - 5)
    cluster.verify()
    cluster.client("cluster", "remove", added.id)
    equal(added.terminate(), 0, "exit code")
    cluster.nodes.remove(added)
    shutil.rmtree(added.data)


@check
def leadership_goes_where_it_is_sent(cluster):
    leader = cluster.leader()
    other = next(node for node in cluster.nodes if node is not leader)
    cluster.client("cluster", "transfer", other.id)
    equal(cluster.leader().id, other.id)
    cluster.client("cluster", "transfer", "nobody", code=1)


@check
def transfers_at_once_all_end_and_sigterm_still_stops(cluster):
    def at_once(leader, count):
        def ask():
            try:
                leader.call(lambda channel: log_pb2_grpc.ClusterStub(channel).TransferLeadership(
                    log_pb2.TransferLeadershipRequest(), timeout=10))
                ended.append("ok")
            except grpc.RpcError as error:
                ended.append(error.code())
        ended = []
        threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads, ended
    threads, ended = at_once(cluster.leader(), 6)
    for thread in threads:
        thread.join(15)
    equal(len(ended), 6, "transfers that ended")
    true(grpc.StatusCode.DEADLINE_EXCEEDED not in ended, f"none hangs: {ended}")
    leader = cluster.leader()
    threads, _ = at_once(leader, 6)
    equal(leader.terminate(), 0, "exit code after SIGTERM")
    leader.start()
    for thread in threads:
        thread.join(15)
    cluster.verify()


@check
def a_leader_is_removed_and_the_removed_know_it(cluster):
    """At once, and nobody is told that the outcome is unknown."""
    added = cluster.another()
    added.start()
    cluster.client("cluster", "add", added.id, added.address)
    within(20, lambda: len([1 for server in servers_of(cluster.leader()).servers
                            if server.role == log_pb2.SERVER_ROLE_VOTER]) == 4, "four have a vote")
    for leads in (True, False):
        leader = cluster.leader()
        gone = leader if leads else next(node for node in cluster.nodes if node is not leader and node is not added)
        left = [node for node in cluster.nodes if node is not gone]
        cluster.client("cluster", "remove", gone.id)
        within(10, lambda: '"this server is no member' in gone.log(), f"{gone.id} knows that it was removed")
        equal(sorted(server.id for server in servers_of(cluster.leader(among=left)).servers),
              sorted(node.id for node in left))
        # Whoever asks the removed one first still finds the leader.
        cluster.client("produce", servers_at=",".join(node.address for node in [gone, *left]), text=b"x\n", timeout=30)
        gone.terminate()
        shutil.rmtree(gone.data)
        gone.expect = 0
        gone.start()
        cluster.client("cluster", "add", gone.id, gone.address, servers_at=",".join(node.address for node in left))
        within(20, lambda: len([1 for server in servers_of(cluster.leader(among=left)).servers
                                if server.role == log_pb2.SERVER_ROLE_VOTER]) == 4, "it has a vote again")
    cluster.client("cluster", "remove", added.id)
    added.terminate()
    cluster.nodes.remove(added)
    cluster.verify()


@check
def a_server_is_replaced_under_load(cluster):
    history = History()
    start = end_of(cluster.leader())
    producers = [Producer(cluster, f"r{number}", history) for number in range(3)]
    stop, problems = threading.Event(), []

    def run(producer):
        try:
            while not stop.is_set():
                producer.produce(5)
        except Exception as error:
            problems.append(f"{error}")
    threads = [threading.Thread(target=run, args=(producer,)) for producer in producers]
    for thread in threads:
        thread.start()
    added = cluster.another()
    added.start()
    within(5, lambda: "no member" in added.log(), "a server that nobody added says so")
    old = next(node for node in cluster.nodes[:3] if node is not cluster.leader(among=cluster.nodes[:3]))
    cluster.client("cluster", "add", added.id, added.address)
    within(20, lambda: any(server.id == added.id and server.role == log_pb2.SERVER_ROLE_VOTER
                           for server in servers_of(cluster.leader()).servers), "the added one has a vote")
    old.kill()
    cluster.client("cluster", "remove", old.id)
    left = [node for node in cluster.nodes if node is not old]
    before = len(history.acknowledged)
    clusters.stands_in_vain(old, left, lambda: len(history.acknowledged) > before + 1000)
    stop.set()
    for thread in threads:
        thread.join()
    for producer in producers:
        producer.close()
    equal(problems, [])
    old.terminate()
    cluster.verify()
    for node in left:
        equal(judge(history, read_all(node, start), start), [])
    # As it is the old one cannot come back; with an empty folder it is a new server.
    shutil.rmtree(old.data)
    old.expect = 0
    old.start()
    cluster.client("cluster", "add", old.id, old.address)
    within(20, lambda: sum(server.role == log_pb2.SERVER_ROLE_VOTER
                           for server in servers_of(cluster.leader()).servers) == 4, "it has a vote")
    cluster.client("cluster", "remove", added.id)
    added.terminate()
    cluster.nodes.remove(added)
    cluster.verify()


@check
def a_wiped_disk_is_another_server(cluster):
    leader = cluster.leader()
    wiped = next(node for node in cluster.nodes if node is not leader)
    wiped.kill()
    shutil.rmtree(wiped.data)
    wiped.start()
    within(5, lambda: "no member" in wiped.log(), "it says that it is no member")
    equal(status(wiped).raft_state, "none")
    found = stubs.failure(lambda: leader.call(lambda channel: log_pb2_grpc.ClusterStub(channel).AddServer(
        log_pb2.AddServerRequest(id=wiped.id, rpc_addr=wiped.address), timeout=LONG)))
    equal((found.code, found.info.reason), (grpc.StatusCode.ALREADY_EXISTS, "SERVER_EXISTS"))
    cluster.client("cluster", "remove", wiped.id)
    cluster.client("cluster", "add", wiped.id, wiped.address)
    within(20, lambda: sum(server.role == log_pb2.SERVER_ROLE_VOTER
                           for server in servers_of(cluster.leader()).servers) == 3, "it has a vote")
    cluster.verify()


@check
def the_last_majority_is_not_removed(cluster):
    leader = cluster.leader()
    others = [node for node in cluster.nodes if node is not leader]
    others[0].kill()
    within(10, lambda: any(peer.server_id == others[0].id and peer.last_contact_ms > 2000
                           for peer in status(leader).peers), "the leader has not heard it for two seconds")
    found = stubs.failure(lambda: leader.call(lambda channel: log_pb2_grpc.ClusterStub(channel).RemoveServer(
        log_pb2.RemoveServerRequest(id=others[1].id), timeout=LONG)))
    equal((found.code, found.info.reason), (FAILED, "QUORUM_AT_RISK"))
    others[0].start()
    cluster.verify()


def main():
    checks.give_up_after(280)
    with servers.Workspace() as workspace:
        make_other(workspace)
        return check.run(new_cluster(workspace), only=sys.argv[1:], renew=renewed)


def new_cluster(workspace):
    return clusters.Cluster(workspace, flags=[
        "--acl-policy", str(workspace.path / "policy.csv"), "--storage-segment-bytes", "1MiB", *clusters.CALM]).start()


def renewed(cluster):
    """After a check that failed: what the servers said last, and others in their place."""
    cluster.discard()
    return [new_cluster(cluster.workspace)]


def make_other(workspace):
    """Another subject that may produce."""
    policy = (servers.REPOSITORY / "certs" / "policy.csv").read_text()
    (workspace.path / "policy.csv").write_text(policy + "p, other, *, produce\n")
    clusters.issue(workspace, "other")


if __name__ == "__main__":
    sys.exit(main())
