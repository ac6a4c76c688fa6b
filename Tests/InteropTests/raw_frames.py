"""gRPC over frames that this script cuts itself: messages split at every byte, writes of one byte, wrong framing.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: raw_frames.py [NAME...]
"""

import pathlib
import random
import socket
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import rawgrpc
import servers
from checks import equal, true
from rawgrpc import DATA, END_STREAM, Connection, frame, message
from stubs import log_pb2

PRODUCE, CONSUME = "/log.v1.Log/Produce", "/log.v1.Log/Consume"
check = checks.Checks()


class Context:
    def __init__(self, server, workspace):
        self.server = server
        self.workspace = workspace
        self.root = workspace.certificate("root")

    def connect(self, **options):
        return Connection(self.server.address, self.root, **options)

    def end(self):
        with self.connect() as connection:
            reply = call(connection, "/log.v1.Logs/DescribeLog", log_pb2.DescribeLogRequest())
            return log_pb2.LogInfo.FromString(reply.messages[0]).end_offset

    def values(self, first):
        with self.connect() as connection:
            request = log_pb2.ConsumeRequest(offset=first, stop=log_pb2.STOP_END, max_records=1000)
            reply = call(connection, "/log.v1.Log/ConsumeStream", request)
            return [record.value for octets in reply.messages
                    for record in log_pb2.ConsumeResponse.FromString(octets).records]

    def answers_a_fresh_call(self):
        with self.connect() as connection:
            equal(call(connection, "/log.v1.Log/GetServers", log_pb2.GetServersRequest()).status, 0, "status")


def call(connection, path, request):
    return connection.reply(connection.start(path, request.SerializeToString()))


def produce_request(value, size=0):
    return log_pb2.ProduceRequest(record=log_pb2.Record(value=value + bytes(size), key=b"key"))


def offset_of(reply):
    equal((reply.status, reply.header("grpc-message")), (0, None), "status and message")
    return log_pb2.ProduceResponse.FromString(reply.messages[0]).offset


@check
def a_message_split_at_every_byte_into_two_data_frames(c):
    body = message(produce_request(b"split").SerializeToString())
    first = c.end()
    with c.connect() as connection:
        for position in range(len(body) + 1):
            stream, octets = connection.headers(PRODUCE)
            connection.write(octets + frame(DATA, 0, stream, body[:position]))
            connection.write(frame(DATA, END_STREAM, stream, body[position:]))
            equal(offset_of(connection.reply(stream)), first + position, f"offset when split at {position}")
    equal(c.values(first), [b"split"] * (len(body) + 1))


@check
def a_message_of_one_byte_data_frames(c):
    body = message(produce_request(b"bytes").SerializeToString())
    with c.connect() as connection:
        stream, octets = connection.headers(PRODUCE)
        connection.write(octets)
        for octet in body:
            connection.write(frame(DATA, 0, stream, bytes([octet])))
        connection.write(frame(DATA, END_STREAM, stream))
        equal(c.values(offset_of(connection.reply(stream))), [b"bytes"])


@check
def several_messages_in_frames_cut_at_every_byte(c):
    values = [b"", b"one", b"two" * 20]
    body = b"".join(message(produce_request(value).SerializeToString()) for value in values)
    first, rounds = c.end(), 0
    with c.connect() as connection:
        for position in range(1, len(body)):
            stream, octets = connection.headers("/log.v1.Log/ProduceStream")
            connection.write(octets + frame(DATA, 0, stream, body[:position])
                             + frame(DATA, END_STREAM, stream, body[position:]))
            reply = connection.reply(stream)
            equal((reply.status, len(reply.messages)), (0, 3), f"status and answers when cut at {position}")
            rounds += 1
    equal(c.values(first) == values * rounds, True, "values")


@check
def a_connection_of_one_byte_tls_writes(c):
    with c.connect() as connection:
        for n in range(3):
            body = produce_request(b"slow %d" % n).SerializeToString()
            stream, octets = connection.headers(PRODUCE)
            connection.write(octets + frame(DATA, END_STREAM, stream, message(body)), at_a_time=1)
            equal(c.values(offset_of(connection.reply(stream)))[0], b"slow %d" % n)


@check
def a_tls_connection_of_one_byte_tcp_writes(c):
    # The TLS records themselves arrive byte by byte, handshake included.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = rawgrpc.tls_context(c.root).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection((c.server.host, c.server.port), timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def flush():
            for octet in outgoing.read():
                plain.sendall(bytes([octet]))

        def pumped(step):
            while True:
                try:
                    value = step()
                    flush()
                    return value
                except ssl.SSLWantReadError:
                    flush()
                    read = plain.recv(65536)
                    true(read, "the server closed the connection")
                    incoming.write(read)

        pumped(tls.do_handshake)
        hello = rawgrpc.PREFACE + frame(rawgrpc.SETTINGS, 0, 0)
        pumped(lambda: tls.write(hello))
        seen = b""
        while len(seen) < 9:  # its SETTINGS
            seen += pumped(lambda: tls.read(65536))
        equal(seen[3], rawgrpc.SETTINGS, "first frame")


@check
def a_large_message_in_small_frames(c):
    request = produce_request(b"large", 300_000)
    body = message(request.SerializeToString())
    with c.connect() as connection:
        stream = connection.open(PRODUCE)
        at, rng = 0, random.Random(7)
        while at < len(body):
            size = min(rng.randint(1, 3000), len(body) - at)
            roomy = lambda: min(connection.send_windows[0], connection.send_windows[stream]) >= size
            true(connection.until(roomy), "no window for the rest of a message")
            connection.data(stream, body[at:at + size], end=at + size == len(body))
            at += size
        offset = offset_of(connection.reply(stream))
    equal(c.values(offset)[0] == request.record.value, True, "same bytes")


@check
def an_answer_through_a_tiny_window(c):
    value = bytes(range(256)) * 20
    with c.connect() as connection:
        offset = offset_of(connection.reply(connection.start(PRODUCE, produce_request(value).SerializeToString())))
    with c.connect(window=1, gives_back=False) as connection:
        request = log_pb2.ConsumeRequest(offset=offset)
        stream = connection.start(CONSUME, request.SerializeToString())
        reply, rng = connection.replies[stream], random.Random(3)
        while not reply.ended:
            before = len(reply.body)
            true(connection.until(lambda: len(reply.body) > before or reply.ended), f"stuck after {before} bytes")
            connection.update_window(stream, rng.randint(1, 97))
        equal((reply.status, log_pb2.ConsumeResponse.FromString(reply.messages[0]).record.value == value), (0, True))


@check
def wrong_framing_ends_the_call_and_not_the_connection(c):
    good = message(produce_request(b"good").SerializeToString())
    cases = {
        "a flag of 2": (b"\2" + good[1:], 13),
        "a flag of 255": (b"\xff" + good[1:], 13),
        "compressed without an encoding": (b"\1" + good[1:], 13),
        "half a prefix": (good[:3], 13),
        "half a message": (good[:-1], 13),
        "no message": (b"", 13),
        "two messages": (good + good, 13),
        "a length over the limit": (b"\0\x7f\xff\xff\xff" + b"x" * 100, 8),
        "a length just over the limit": (b"\0" + ((4 << 20) + 1).to_bytes(4, "big") + b"x" * 100, 8),
    }
    wrong = []
    with c.connect() as connection:
        for what, (octets, code) in cases.items():
            stream, head = connection.headers(PRODUCE)
            connection.write(head + frame(DATA, END_STREAM, stream, octets))
            reply = connection.reply(stream)
            if reply.status != code:
                wrong.append(f"{what}: status {reply.status} ({reply.header('grpc-message')}), not {code}")
            offset_of(connection.reply(connection.start(PRODUCE, good[5:])))
    true(not wrong, "; ".join(wrong))


@check
def requests_that_are_not_grpc_get_an_http_status(c):
    with c.connect() as connection:
        for options, status in ((dict(content_type="text/html"), "415"), (dict(content_type=None), "415"),
                                (dict(method="GET"), "405")):
            reply = connection.reply(connection.open(PRODUCE, end=True, **options))
            equal(reply.header(":status"), status, f"status of {options}")
    c.answers_a_fresh_call()


@check
def an_unknown_encoding_is_unimplemented_and_the_known_ones_are_named(c):
    with c.connect() as connection:
        stream, head = connection.headers(PRODUCE, ("grpc-encoding", "snappy"))
        connection.write(head + frame(DATA, END_STREAM, stream, message(b"")))
        reply = connection.reply(stream)
        equal((reply.status, reply.header("grpc-accept-encoding")), (12, "identity"))


@check
def the_server_enforces_deadlines_itself(c):
    end = c.end()
    with c.connect() as connection:
        for path, request in ((CONSUME, log_pb2.ConsumeRequest(offset=end, wait_ms=20_000)),
                              ("/log.v1.Log/ConsumeStream", log_pb2.ConsumeRequest(offset=end))):
            stream = connection.start(path, request.SerializeToString(), True, ("grpc-timeout", "100m"))
            equal(connection.reply(stream).status, 4, f"status of {path}")
        for timeout in ("junk", "-1S", "123456789S", "1"):
            stream = connection.start(CONSUME, b"", True, ("grpc-timeout", timeout))
            true(connection.reply(stream).status not in (None, 0), f"timeout {timeout!r} was accepted")


@check
def a_produce_at_its_deadline_is_in_the_log_or_not_but_never_twice(c):
    first = c.end()
    with c.connect() as connection:
        streams = [connection.start(PRODUCE, produce_request(b"d%d" % n).SerializeToString(), True,
                                    ("grpc-timeout", "%du" % (1 + 20 * n))) for n in range(50)]
        codes = [connection.reply(stream).status for stream in streams]
    true(set(codes) <= {0, 4}, f"codes {sorted(set(codes))}")
    with c.connect() as connection:  # what is still on its way is written before this
        offset_of(connection.reply(connection.start(PRODUCE, produce_request(b"last").SerializeToString())))
    found = c.values(first)
    equal(len(found), len(set(found)), "distinct values")
    lost = [n for n, code in enumerate(codes) if code == 0 and b"d%d" % n not in found]
    equal(lost, [], "acknowledged but not in the log")


@check
def more_streams_than_allowed_are_refused_and_the_rest_served(c):
    end = c.end()
    with c.connect() as connection:
        request = log_pb2.ConsumeRequest(offset=end, wait_ms=3_000).SerializeToString()
        streams = [connection.start(CONSUME, request) for _ in range(300)]
        replies = [connection.reply(stream, timeout=15) for stream in streams]
    served = sum(1 for reply in replies if reply.status == 0)
    refused = sum(1 for reply in replies if reply.reset == 7 or reply.status == 8)
    equal(served + refused, 300, "served and refused (REFUSED_STREAM or RESOURCE_EXHAUSTED)")
    true(200 <= served <= 256, f"{served} streams at one time")
    c.answers_a_fresh_call()


@check
def a_reset_stream_is_forgotten(c):
    end = c.end()
    request = log_pb2.ConsumeRequest(offset=end).SerializeToString()
    before = c.server.resident_bytes()
    for _ in range(5):
        with c.connect() as connection:
            for _ in range(100):
                stream = connection.start("/log.v1.Log/ConsumeStream", request)
                connection.write(frame(rawgrpc.RST_STREAM, 0, stream, (8).to_bytes(4, "big")))
            reply = connection.reply(connection.start("/log.v1.Log/GetServers", b""))
            equal(reply.status, 0, "status")
    grown = c.server.resident_bytes() - before
    true(grown < 32 << 20, f"500 cancelled streams left {grown >> 10} KiB")


@check
def metadata_and_paths_of_all_kinds_are_survived(c):
    with c.connect() as connection:
        stream = connection.start("/log.v1.Log/GetServers", b"", True, ("x-text", "a" * 8000),
                                  ("x-data-bin", "AAEC"), ("x-data-bin", "AAECAw=="))
        equal(connection.reply(stream).status, 0, "status")
        stream = connection.start("/log.v1.Log/GetServers", b"", True, ("x-data-bin", "!!!"))
        true(connection.reply(stream).status is not None, "no status for bad base64")
        for path in ("/", "//", "/a", "/log.v1.Log/", "/log.v1.Log/Produce/", "/" + "x" * 5000):
            equal(connection.reply(connection.start(path, b"")).status, 12, f"status of {path[:30]}")
    c.answers_a_fresh_call()


def main():
    checks.give_up_after(120)
    with servers.Workspace() as workspace:
        server = workspace.server("--log-format", "json").start()
        code = check.run(Context(server, workspace), only=sys.argv[1:])
        if code:
            print(server.log()[-4000:], file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
