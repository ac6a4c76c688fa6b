"""Peers that misbehave, by intent or by accident: after each, a fresh valid call is answered.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: rough_peers.py [NAME...]
"""

import pathlib
import random
import signal
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import rawgrpc
import servers
from checks import equal, true, within
from rawgrpc import Connection, frame
from stubs import log_pb2

PRODUCE, PRODUCE_STREAM = "/log.v1.Log/Produce", "/log.v1.Log/ProduceStream"
CONSUME_STREAM = "/log.v1.Log/ConsumeStream"
SEED = 20261123
check = checks.Checks()


class Context:
    def __init__(self, server, workspace):
        self.server = server
        self.root = workspace.certificate("root")
        self.workspace = workspace

    def connect(self, **options):
        return Connection(self.server.address, self.root, **options)

    def plain(self):
        return socket.create_connection((self.server.host, self.server.port), timeout=10)

    def answers(self, seconds=5):
        """A fresh connection's call is answered in time."""
        begun = time.monotonic()
        with self.connect() as connection:
            request = produce_request(b"fresh")
            equal(connection.reply(connection.start(PRODUCE, request)).status, 0, "status")
        took = time.monotonic() - begun
        true(took < seconds, f"a fresh call took {took:.2f} s")


def produce_request(value, size=0):
    return log_pb2.ProduceRequest(record=log_pb2.Record(value=value + bytes(size))).SerializeToString()


@check
def garbage_on_the_port(c):
    rng = random.Random(SEED)
    starts = [b"", b"GET / HTTP/1.1\r\n\r\n", rawgrpc.PREFACE, b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01", b"\x80\x2e\x01",
              b"\x17\x03\x03\xff\xff", b"\n" * 50]
    for number in range(100):
        with c.plain() as plain:
            try:
                plain.sendall(starts[number % len(starts)] + rng.randbytes(rng.randint(0, 4000)))
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65536):
                    pass
            except ConnectionError:
                pass
    c.answers()


@check
def garbage_inside_tls(c):
    rng = random.Random(SEED)
    for number in range(60):
        with c.connect() as connection:
            octets = bytearray(rng.randbytes(rng.randint(1, 3000)))
            if number % 2:  # a frame's shape, so that it gets further
                octets = bytearray(frame(rng.randrange(12), rng.randrange(256), rng.choice((0, 1, 2, 3)),
                                         rng.randbytes(rng.randint(0, 60))) * 20)
            try:
                connection.write(bytes(octets))
                connection.until(lambda: connection.closed or connection.goaway is not None, 0.2)
            except (OSError, ssl.SSLError):
                pass
    c.answers()


@check
def garbage_instead_of_the_preface_closes_the_connection(c):
    plain = c.plain()
    with rawgrpc.tls_context(c.root).wrap_socket(plain, server_hostname="localhost") as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        tls.settimeout(10)
        try:
            while tls.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
    c.answers()


@check
def half_open_connections(c):
    silent = [c.plain() for _ in range(100)]
    halves = []
    for _ in range(20):  # half a ClientHello
        plain = c.plain()
        plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20))
        halves.append(plain)
    idle = []
    for _ in range(20):  # TLS, and then nothing
        plain = c.plain()
        idle.append(rawgrpc.tls_context(c.root).wrap_socket(plain, server_hostname="localhost"))
    c.answers()
    for peer in silent + halves + idle:
        peer.close()
    c.answers()


@check
def connections_that_end_in_a_reset(c):
    for _ in range(50):
        with c.connect() as connection:
            connection.start(CONSUME_STREAM, b"")
            connection.start(PRODUCE, produce_request(b"reset", 5000))
            # Closing with a linger of 0 s sends RST instead of FIN.
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.answers()


@check
def a_thousand_quick_connects(c):
    descriptors = c.server.open_descriptors()
    begun = time.monotonic()
    for _ in range(1000):
        c.plain().close()
    c.answers()
    print(f"  1000 connects in {time.monotonic() - begun:.2f} s", file=sys.stderr)
    within(10, lambda: c.server.open_descriptors() <= descriptors + 5, "descriptors are freed")


@check
def a_stopped_server_goes_on_where_it_was(c):
    with c.connect(timeout=20) as consumer, c.connect(timeout=20) as producer:
        request = log_pb2.ConsumeRequest(start=log_pb2.START_NEXT, heartbeat_ms=10).SerializeToString()
        stream = consumer.start(CONSUME_STREAM, request)
        reply = consumer.replies[stream]
        true(consumer.until(lambda: reply.messages), "no heartbeat")
        c.server.signal(signal.SIGSTOP)
        try:
            with c.plain() as plain:  # the kernel still takes connections
                plain.settimeout(0.3)
                call = producer.start(PRODUCE, produce_request(b"while stopped"))
                true(not producer.until(lambda: producer.replies[call].ended, 0.5), "a stopped server answered")
        finally:
            c.server.signal(signal.SIGCONT)
        equal(producer.reply(call).status, 0, "status after SIGCONT")

        def records():
            return [record.value for octets in reply.messages
                    for response in [log_pb2.ConsumeResponse.FromString(octets)]
                    for record in ([response.record] if response.HasField("record") else response.records)]

        true(consumer.until(lambda: records() == [b"while stopped"]), "the consumer goes on")
    c.answers()


@check
def a_stalled_produce_stream_does_not_stall_its_connection(c):
    with c.connect(window=0, gives_back=False, timeout=20) as connection:
        stalled = connection.open(PRODUCE_STREAM)
        body = rawgrpc.message(produce_request(b"stalled", 1000))
        # Its answers have no window, so the server stops taking its requests.
        sent = 0
        while True:
            room = lambda: min(connection.send_windows[0], connection.send_windows[stalled])
            if not connection.until(lambda: room() >= len(body), 1):
                break
            connection.data(stalled, body)
            sent += 1
            true(sent < 200_000, "a stream whose answers are not read is fed without end")
        true(connection.send_windows[stalled] < len(body), "the stream's window is what is used up")
        begun = time.monotonic()
        for number in range(200):
            stream, head = connection.headers(PRODUCE)
            octets = rawgrpc.message(produce_request(b"beside", 1000))
            true(connection.until(lambda: connection.send_windows[0] >= len(octets), 5), "the connection's window")
            connection.write(head)
            connection.data(stream, octets, end=True)
            connection.update_window(stream, 65535)
            connection.update_window(0, 65535)
            equal(connection.reply(stream, 10).status, 0, f"status of call {number}")
        print(f"  {sent} requests until stalled; 200 calls beside in {time.monotonic() - begun:.2f} s", file=sys.stderr)
        # Once its answers are read, the stalled one goes on as well.
        connection.gives_back = True
        connection.update_window(0, 1 << 20)
        connection.update_window(stalled, 1 << 28)
        reply = connection.replies[stalled]
        true(connection.until(lambda: len(reply.messages) == sent, 20), f"{len(reply.messages)} of {sent} answers")


@check
def a_stalled_consumer_does_not_stall_its_connection(c):
    with c.connect() as connection:
        connection.reply(connection.start(PRODUCE, produce_request(b"big", 300_000)))
    with c.connect(window=0, gives_back=False) as connection:
        stalled = connection.start(CONSUME_STREAM, b"")
        for number in range(50):
            stream = connection.start(PRODUCE, produce_request(b"%d" % number))
            connection.update_window(stream, 65535)
            equal(connection.reply(stream).status, 0, f"status of call {number}")
        equal(len(connection.replies[stalled].body), 0, "bytes that came without a window")


@check
def a_stalled_consumer_is_closed_with_its_next_offset(c):
    server = c.workspace.server("--limits-consumer-stall", "3s", data="stall").start()
    with Connection(server.address, c.root) as connection:
        request = log_pb2.ProduceRequest(records=[log_pb2.Record(value=bytes(1000))] * 50).SerializeToString()
        for _ in range(8):
            equal(connection.reply(connection.start(PRODUCE, request)).status, 0, "status")
    options = dict(window=5000, gives_back=False)
    with Connection(server.address, c.root, **options) as late, Connection(server.address, c.root, **options) as deaf:
        request = log_pb2.ConsumeRequest(max_records=10).SerializeToString()
        streams = [connection.start(CONSUME_STREAM, request) for connection in (late, deaf)]
        reply, deaf_reply = late.replies[streams[0]], deaf.replies[streams[1]]
        # Closed after 3 to 4 s, reset 3 s later: in between the end can be had by taking what was sent before.
        late.until(lambda: reply.ended, 4.8)
        late.gives_back = True
        late.update_window(0, 1 << 20)
        late.update_window(streams[0], 1 << 20)
        late.reply(streams[0], 10)
        equal(reply.status, 10, f"status ({reply.header('grpc-message')})")
        true(b"CONSUMER_STALLED" in details(reply), "no reason CONSUMER_STALLED")
        got = sum(len(log_pb2.ConsumeResponse.FromString(octets).records) for octets in reply.messages)
        true(f"offset {got}" in reply.header("grpc-message"), f"{got} records came; {reply.header('grpc-message')}")
        deaf.reply(streams[1], 10)
        equal((deaf_reply.reset, deaf_reply.status), (8, None), "code of RST_STREAM (CANCEL), and status")
    equal(server.terminate(), 0, "exit code")


def details(reply):
    import base64
    text = reply.header("grpc-status-details-bin") or ""
    return base64.b64decode(text + "=" * (-len(text) % 4))


@check
def filters_that_nothing_passes_hold_up_nobody(c):
    with c.connect() as connection:
        batch = log_pb2.ProduceRequest(records=[log_pb2.Record(value=bytes(300))] * 2_000).SerializeToString()
        for _ in range(30):
            equal(connection.reply(connection.start(PRODUCE, batch)).status, 0, "status")
    scan = log_pb2.ConsumeRequest(key_filter=b"no such key", max_records=1_000).SerializeToString()
    with c.connect() as connection:
        for _ in range(100):
            connection.start(CONSUME_STREAM, scan)
        connection.reply(connection.start("/grpc.health.v1.Health/Check", b""))
        for _ in range(5):
            c.answers(seconds=2)


@check
def heartbeats_as_often_as_can_be_hold_up_nobody(c):
    beat = log_pb2.ConsumeRequest(start=log_pb2.START_NEXT, heartbeat_ms=1).SerializeToString()
    connections = [c.connect() for _ in range(4)]
    try:
        for connection in connections:
            for _ in range(250):
                connection.start(CONSUME_STREAM, beat)
            connection.reply(connection.start("/grpc.health.v1.Health/Check", b""))
        for _ in range(3):
            c.answers(seconds=3)
    finally:
        for connection in connections:
            connection.close()
    c.answers(seconds=3)


@check
def many_connections_at_once(c):
    problems = []

    def use():
        try:
            with c.connect(timeout=30) as connection:
                for _ in range(5):
                    equal(connection.reply(connection.start(PRODUCE, produce_request(b"many"))).status, 0, "status")
        except Exception as error:
            problems.append(repr(error))

    threads = [threading.Thread(target=use, daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    equal(problems, [], "problems")


@check
def the_same_process_is_still_there_and_stops_well(c):
    equal(c.server.process.poll(), None, "exit code")
    bad = [line for line in c.server.log().splitlines() if '"level":"critical"' in line or "Fatal error" in line]
    equal(bad, [], "critical lines")
    equal(c.server.terminate(), 0, "exit code")


def main():
    checks.give_up_after(150)
    with servers.Workspace() as workspace:
        server = workspace.server("--log-format", "json", "--shutdown-drain", "3s").start()
        code = check.run(Context(server, workspace), only=sys.argv[1:])
        if code:
            print(server.log()[-4000:], file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
