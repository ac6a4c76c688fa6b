"""What idle consumers cost, and how soon they get a record.

    measure_idle.py [--consumers N] [--seconds S] [--records N] [--most-cpu PERCENT] [--most-ms MS] [--json FILE]

N connections with one ConsumeStream each wait at the tail. The server's CPU time is read from the kernel's nanosecond
count over some seconds without a record. Then records are produced one at a time. For each, and for each consumer,
two times are taken at the arrival of the first byte on the consumer's socket: since the request left, with the write
to disk in between, and since the acknowledgement arrived at the producer, which is what consuming adds.
"""

import argparse
import pathlib
import select
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import figures
import servers
from rawgrpc import Connection
from stubs import log_pb2


def produce(connection, value):
    request = log_pb2.ProduceRequest(record=log_pb2.Record(value=value)).SerializeToString()
    reply = connection.reply(connection.start("/log.v1.Log/Produce", request))
    checks.equal(reply.status, 0, "status")


class Consumers:
    def __init__(self, server, credentials, count):
        request = log_pb2.ConsumeRequest(start=log_pb2.START_EARLIEST, max_records=100).SerializeToString()
        self.connections = [Connection(server.address, credentials) for _ in range(count)]
        self.streams = [connection.start("/log.v1.Log/ConsumeStream", request) for connection in self.connections]
        self.sockets = {connection.socket.fileno(): n for n, connection in enumerate(self.connections)}
        self.poll = select.poll()
        for connection in self.connections:
            self.poll.register(connection.socket, select.POLLIN)

    def drain(self, seconds):
        """Reads what is there until nothing comes for a while."""
        while self.poll.poll(seconds * 1000):
            for connection in self.connections:
                connection.read(0.0001)

    def arrivals(self, within, producer=None):
        """When the next bytes arrive at each consumer, and at the producer; the bytes are read away."""
        found = {}
        awaited = len(self.connections)
        if producer:
            self.poll.register(producer.socket, select.POLLIN)
            awaited += 1
        end = time.perf_counter() + within
        while len(found) < awaited and time.perf_counter() < end:
            for descriptor, _ in self.poll.poll(100):
                found.setdefault(descriptor, time.perf_counter())
                place = self.sockets.get(descriptor)
                (producer if place is None else self.connections[place]).read(0.0001)
        checks.equal(len(found), awaited, "connections that got something")
        if producer:
            self.poll.unregister(producer.socket)
            return found.pop(producer.socket.fileno()), list(found.values())
        return list(found.values())

    def received(self):
        return [sum(len(log_pb2.ConsumeResponse.FromString(octets).records)
                    for octets in connection.replies[stream].messages)
                for connection, stream in zip(self.connections, self.streams)]

    def close(self):
        for connection in self.connections:
            connection.close()


def measure(workspace, options):
    server = workspace.server().start()
    credentials = workspace.certificate("root")
    producer = Connection(server.address, credentials)
    produce(producer, b"first")
    consumers = Consumers(server, credentials, options.consumers)
    consumers.arrivals(20)
    consumers.drain(0.3)

    before, begun = server.cpu_seconds(), time.monotonic()
    time.sleep(options.seconds)  # the time over which CPU is measured
    cpu = (server.cpu_seconds() - before) / (time.monotonic() - begun) * 100

    total, added = [], []
    for number in range(options.records):
        request = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"%d" % number)).SerializeToString()
        left = time.perf_counter()
        stream = producer.start("/log.v1.Log/Produce", request)
        acknowledged, arrived = consumers.arrivals(20, producer)
        total += [(moment - left) * 1000 for moment in arrived]
        added += [(moment - acknowledged) * 1000 for moment in arrived]
        checks.equal(producer.reply(stream).status, 0, "status")
        consumers.drain(0.002)
    checks.equal(set(consumers.received()), {options.records + 1}, "records each consumer got")
    consumers.close()
    alone = acknowledgements(producer, 50)
    producer.close()
    server.terminate()
    return {
        "consumers": options.consumers, "server_cpu_percent_of_a_core": cpu,
        "since_request_ms_median": figures.percentile(total, 0.5),
        "since_request_ms_p99": figures.percentile(total, 0.99), "since_request_ms_max": max(total),
        "since_acknowledgement_ms_median": figures.percentile(added, 0.5),
        "since_acknowledgement_ms_p99": figures.percentile(added, 0.99), "since_acknowledgement_ms_max": max(added),
        "acknowledgement_alone_ms_median": figures.percentile(alone, 0.5),
    }


def acknowledgements(connection, count):
    """Milliseconds to an acknowledgement when nobody consumes: there, to the disk, and back."""
    found = []
    for _ in range(count):
        left = time.perf_counter()
        produce(connection, b"alone")
        found.append((time.perf_counter() - left) * 1000)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--consumers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--most-cpu", type=float, default=1, help="percent of a core")
    parser.add_argument("--most-ms", type=float, default=5, help="median since the acknowledgement")
    parser.add_argument("--json")
    options = parser.parse_args()
    checks.give_up_after(120 + options.seconds)
    with servers.Workspace() as workspace:
        found = measure(workspace, options)
    figures.save(options.json, found)
    figures.table([
        ("consumers at the tail", found["consumers"], "connections, one stream each"),
        ("server CPU when idle", found["server_cpu_percent_of_a_core"], "% of a core"),
        ("at a consumer since the request left, median", found["since_request_ms_median"], "ms"),
        ("  p99", found["since_request_ms_p99"], "ms"),
        ("  max", found["since_request_ms_max"], "ms"),
        ("at a consumer since the acknowledgement, median", found["since_acknowledgement_ms_median"], "ms"),
        ("  p99", found["since_acknowledgement_ms_p99"], "ms"),
        ("  max", found["since_acknowledgement_ms_max"], "ms"),
        ("acknowledgement without consumers, median", found["acknowledgement_alone_ms_median"], "ms"),
    ])
    checks.true(found["server_cpu_percent_of_a_core"] < options.most_cpu, "idle consumers use CPU")
    checks.true(found["since_acknowledgement_ms_median"] < options.most_ms, "records come late")
    print("ok idle_consumers_cost_nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
