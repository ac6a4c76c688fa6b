"""What consumers that stop reading cost the server, and everybody else.

    measure_stalled.py [--consumers N] [--backlog-mib N] [--seconds S] [--most-kib K] [--most-times X] [--json FILE]

N connections with one ConsumeStream each ask for a backlog and read nothing: neither window updates nor the socket.
The server's resident memory is taken before and after. Others (a unary producer and a unary consumer, each on its
own connection, at a constant rate) are measured before, beside and after the stalled ones; the worse of before and
after is what beside is compared with, as the machine may have other work. At the end one of the stalled consumers
opens its window and gets its backlog from the first record on.
"""

import argparse
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import figures
import rawgrpc
import servers
from rawgrpc import Connection
from stubs import log_pb2

MIB = 1 << 20
STREAM, PRODUCE, CONSUME = "/log.v1.Log/ConsumeStream", "/log.v1.Log/Produce", "/log.v1.Log/Consume"


def fill(server, credentials, mebibytes):
    record = log_pb2.Record(value=os.urandom(1000))
    request = log_pb2.ProduceRequest(records=[record] * 500).SerializeToString()
    count = 0
    with Connection(server.address, credentials, timeout=60) as connection:
        while count * 500 * 1000 < mebibytes * MIB:
            stream = connection.start(PRODUCE, request)
            checks.equal(connection.reply(stream).status, 0, "status")
            count += 1
    return count * 500


class Others:
    """Clients that do read, measured before and beside the stalled ones."""

    def __init__(self, server, credentials, seconds):
        self.seconds = seconds
        self.producer = Connection(server.address, credentials)
        self.consumer = Connection(server.address, credentials)

    def measure(self):
        produce = log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(128))).SerializeToString()
        consume = log_pb2.ConsumeRequest(start=log_pb2.START_LATEST).SerializeToString()
        loads = [figures.Load(lambda: self.call(self.producer, PRODUCE, produce), 100),
                 figures.Load(lambda: self.call(self.consumer, CONSUME, consume), 100)]
        produced, consumed = figures.alongside(loads, self.seconds)
        return {"produce_ms_p50": figures.percentile(produced, 0.5), "produce_ms_p99": figures.percentile(produced, 0.99),
                "consume_ms_p50": figures.percentile(consumed, 0.5), "consume_ms_p99": figures.percentile(consumed, 0.99)}

    @staticmethod
    def call(connection, path, request):
        stream = connection.start(path, request)
        checks.equal(connection.reply(stream).status, 0, "status")
        del connection.replies[stream]


def stall(server, credentials, count, records):
    request = log_pb2.ConsumeRequest(offset=0, max_records=1000).SerializeToString()
    context = rawgrpc.tls_context(credentials)
    connections = []
    for _ in range(count):
        connection = Connection(server.address, credentials, context=context, gives_back=False, timeout=30)
        connection.stream = connection.start(STREAM, request)
        connections.append(connection)
    return connections


def settled(server):
    """Resident bytes once they no longer change."""
    last = server.resident_bytes()
    for _ in range(40):
        time.sleep(0.25)
        now = server.resident_bytes()
        if abs(now - last) < 64 << 10:
            return now
        last = now
    return last


def read_on(connection, records):
    """A stalled consumer that wakes up gets everything, in order."""
    connection.gives_back = True
    connection.update_window(0, MIB)
    connection.update_window(connection.stream, MIB)
    reply = connection.replies[connection.stream]
    seen = 0
    while seen < min(records, 5000):
        checks.true(connection.until(lambda: len(reply.messages) > 0, 20), f"nothing more after {seen} records")
        octets = reply.messages[0]
        for record in log_pb2.ConsumeResponse.FromString(octets).records:
            checks.equal(record.offset, seen, "offset")
            seen += 1
        del reply.body[:5 + len(octets)]


def measure(workspace, options):
    # Time enough to measure before a stalled consumer is closed.
    server = workspace.server("--limits-consumer-stall", "10min").start()
    credentials = workspace.certificate("root")
    records = fill(server, credentials, options.backlog_mib)
    others = Others(server, credentials, options.seconds)
    others.measure()  # warms up
    before = others.measure()
    base = settled(server)
    stalled = stall(server, credentials, options.consumers, records)
    held = settled(server)
    beside = others.measure()
    high = max(held, server.resident_bytes())
    read_on(stalled[len(stalled) // 2], records)
    for connection in stalled:
        connection.close()
    checks.within(20, lambda: server.open_descriptors() < 100, "the descriptors of closed connections are freed")
    after = settled(server)
    left = others.measure()
    checks.equal(server.terminate(), 0, "exit code")
    return {
        "connections": options.consumers, "streams_per_connection": 1, "backlog_mib": options.backlog_mib,
        "resident_before_kib": base >> 10, "resident_stalled_kib": high >> 10, "resident_after_kib": after >> 10,
        "kib_per_stalled_consumer": (high - base) / 1024 / options.consumers,
        "others_before": before, "others_beside": beside, "others_after": left,
        **{f"{kind}_p99_times": beside[f"{kind}_ms_p99"] / max(before[f"{kind}_ms_p99"], left[f"{kind}_ms_p99"])
           for kind in ("produce", "consume")}}


def show(found):
    figures.table([
        ("stalled consumers", found["connections"], "connections, one stream each"),
        ("backlog", found["backlog_mib"], "MiB"),
        ("resident before", found["resident_before_kib"], "KiB"),
        ("resident with them stalled", found["resident_stalled_kib"], "KiB"),
        ("resident after they left", found["resident_after_kib"], "KiB"),
        ("for each stalled consumer", found["kib_per_stalled_consumer"], "KiB"),
        *[(f"others' {kind} {share} {when}", found[f"others_{when}"][f"{kind}_ms_{share}"], "ms")
          for kind in ("produce", "consume") for share in ("p50", "p99") for when in ("before", "beside", "after")],
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--consumers", type=int, default=500)
    parser.add_argument("--backlog-mib", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--most-kib", type=float, default=128, help="for each stalled consumer")
    parser.add_argument("--most-times", type=float, default=2, help="growth of the others' p99")
    parser.add_argument("--or-ms", type=float, default=0, help="a p99 below this is good enough")
    parser.add_argument("--json")
    options = parser.parse_args()
    checks.give_up_after(300)
    with servers.Workspace() as workspace:
        found = measure(workspace, options)
    figures.save(options.json, found)
    show(found)
    checks.true(found["kib_per_stalled_consumer"] <= options.most_kib, "stalled consumers take too much memory")
    for kind in ("produce", "consume"):
        good_enough = found["others_beside"][f"{kind}_ms_p99"] <= options.or_ms
        checks.true(good_enough or found[f"{kind}_p99_times"] <= options.most_times, f"others' {kind} p99 suffers")
    print("ok stalled_consumers_are_cheap")
    return 0


if __name__ == "__main__":
    sys.exit(main())
