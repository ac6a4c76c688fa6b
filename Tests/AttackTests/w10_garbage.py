"""W10: random bytes and valid captures with bits flipped: to the port, inside TLS as HTTP/2, and as messages of gRPC.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w10_garbage.py [--strict] [--long] [NAME...]
`--long` makes 100,000 inputs in all.
"""

import random
import socket
import ssl
import struct
import sys

import attack
import checks
import rawgrpc
from attack import CONSUME_STREAM, DATA, END_STREAM, GET_SERVERS, PRODUCE, PRODUCE_STREAM, frame, u32
from checks import true
from stubs import log_pb2

SEED = 20261126
RAW, INSIDE, MESSAGES = (30_000, 20_000, 50_000) if attack.LONG else (500, 200, 2_000)
check = checks.Checks()


def damaged(rng, octets):
    """Some bits flipped, or cut, doubled, or filled at random."""
    octets = bytearray(octets)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        if not octets:
            break
        at = rng.randrange(len(octets))
        kind = rng.randrange(6)
        if kind < 3:
            octets[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            del octets[at:at + rng.randint(1, 20)]
        elif kind == 4:
            octets[at:at] = rng.randbytes(rng.randint(1, 20))
        else:
            octets[at] = rng.choice((0, 0x7F, 0x80, 0xFF))
    return bytes(octets)


def hello(target):
    """A ClientHello as the library writes it."""
    outgoing = ssl.MemoryBIO()
    tls = target.context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@check
def bytes_before_tls(target):
    rng, valid, before = random.Random(SEED), hello(target), target.server.resident_bytes()
    for number in range(RAW):
        octets = damaged(rng, valid) if number % 3 else rng.randbytes(rng.randint(0, 600))
        try:
            with socket.create_connection((target.server.host, target.server.port), timeout=10) as plain:
                plain.sendall(octets)
                # RST instead of FIN: a port that is free again at once.
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if number % 10 == 0:
                    plain.shutdown(socket.SHUT_WR)
                    plain.settimeout(2)
                    plain.recv(4096)
        except OSError:
            pass
        if number % 2_000 == 0:
            target.fresh_call()
    alive(target, before, RAW)


def capture(peer):
    """What a client sends in three calls."""
    request = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"v" * 30)).SerializeToString()
    body = b"\0" + u32(len(request)) + request
    return (rawgrpc.PREFACE + frame(4, 0, 0, b"\0\4\0\1\0\0") + peer.open(1, PRODUCE) + frame(DATA, END_STREAM, 1, body)
            + peer.open(3, CONSUME_STREAM) + frame(DATA, END_STREAM, 3, bytes(5)) + frame(6, 0, 0, bytes(8))
            + frame(8, 0, 0, u32(100)) + frame(3, 0, 3, u32(8)) + peer.open(5, GET_SERVERS) + frame(DATA, END_STREAM, 5, bytes(5)))


@check
def bytes_inside_tls(target):
    rng, before = random.Random(SEED), target.server.resident_bytes()
    for number in range(INSIDE):
        with target.peer(preface=False) as peer:
            valid = capture(peer)
            if number % 5 == 0:
                octets = rawgrpc.PREFACE * (number % 2) + rng.randbytes(rng.randint(1, 2000))
            elif number % 5 == 1:
                octets = damaged(rng, valid)
            else:  # the preface whole, so that it gets further
                octets = valid[:33] + damaged(rng, valid[33:])
            peer.send(octets)
            peer.drain(0.003)
        if number % 1_000 == 0:
            target.fresh_call()
    alive(target, before, INSIDE)


@check
def bytes_as_messages(target):
    rng, before, sent = random.Random(SEED), target.server.resident_bytes(), 0
    record = log_pb2.Record(value=b"value", key=b"key", headers=[log_pb2.RecordHeader(name="n", value=b"v")]) \
        if hasattr(log_pb2, "RecordHeader") else log_pb2.Record(value=b"value", key=b"key")
    valid = {PRODUCE: log_pb2.ProduceRequest(records=[record] * 3), PRODUCE_STREAM: log_pb2.ProduceRequest(record=record),
             CONSUME_STREAM: log_pb2.ConsumeRequest(offset=0, max_records=5, key_filter=b"key"),
             attack.CONSUME: log_pb2.ConsumeRequest(offset=1), GET_SERVERS: log_pb2.GetServersRequest(log="default"),
             "/log.v1.Logs/DescribeLog": log_pb2.DescribeLogRequest(name="default"),
             "/log.v1.Logs/FindOffset": log_pb2.FindOffsetRequest(log="default", timestamp_unix_nano=5),
             "/grpc.health.v1.Health/Check": log_pb2.DescribeLogRequest(name="log.v1.Log")}
    paths = list(valid)
    while sent < MESSAGES:
        with target.peer() as peer:
            for number in range(100):
                path = rng.choice(paths)
                octets = valid[path].SerializeToString()
                octets = rng.randbytes(rng.randint(0, 80)) if rng.random() < 0.2 else damaged(rng, octets)
                stream = 1 + 2 * number
                body = b"\0" + u32(len(octets)) + octets
                if rng.random() < 0.2:
                    body = damaged(rng, body)
                peer.send(peer.open(stream, path, [("grpc-timeout", "1S")]) + frame(DATA, END_STREAM, stream, body))
                sent += 1
            peer.settle()
            true(not peer.closed, f"seed {SEED}: the connection was closed after {sent} messages: {peer.outcome(1)}")
        if sent % 5_000 == 0:
            target.fresh_call()
    alive(target, before, MESSAGES)


def alive(target, before, count):
    true(target.server.process.poll() is None, f"seed {SEED}: the server ended")
    grown = target.at_base(before, 64 * attack.MIB)
    attack.figure(f"{count} inputs, resident grew {grown >> 10} KiB")


if __name__ == "__main__":
    sys.exit(attack.run(check))
