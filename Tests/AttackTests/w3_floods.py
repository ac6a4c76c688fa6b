"""W3: the floods of CVE-2019-9511 to 9518: frames that cost the receiver more than the sender, and peers that never read.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w3_floods.py [--strict] [NAME...]
"""

import struct
import sys
import time

import attack
import checks
from attack import (CONSUME_STREAM, CONTINUATION, DATA, END_HEADERS, HEADERS, MIB, PING, PRIORITY, RST_STREAM, SETTINGS,
                    WINDOW_UPDATE, frame, u32)
from checks import equal, true
from stubs import log_pb2

MOST_FRAMES = 60_000
check = checks.Checks()


def flood(target, one, opening=None, most=MOST_FRAMES):
    """Sends a frame again and again, reading what comes, until the server has had enough."""
    before, sent = target.server.resident_bytes(), 0
    with target.peer() as peer:
        if opening:
            peer.send(opening(peer))
        while sent < most and not peer.goaway:
            if not peer.send(b"".join(one(peer, sent + n) for n in range(200))):
                break
            sent += 200
            peer.drain(0.0005)
        true(peer.ended_as_flood(), f"after {sent} frames: GOAWAY {peer.goaway}, closed {peer.closed}")
    grown = target.at_base(before)
    attack.figure(f"GOAWAY after {sent} frames at most; resident grew {grown >> 10} KiB")


@check
def cve_2019_9511_data_dribble(target):
    """A large answer is asked for, and its window opened by one byte at a time."""
    value = bytes(200_000)
    with target.connect() as connection:
        request = log_pb2.ProduceRequest(record=log_pb2.Record(value=value)).SerializeToString()
        offset = log_pb2.ProduceResponse.FromString(
            connection.reply(connection.start(attack.PRODUCE, request)).messages[0]).offset
    request = log_pb2.ConsumeRequest(offset=offset).SerializeToString()
    ask = lambda peer: peer.open(1, CONSUME_STREAM) + frame(DATA, 1, 1, b"\0" + u32(len(request)) + request)
    flood(target, lambda peer, n: frame(WINDOW_UPDATE, 0, 1, u32(1)), ask)


@check
def cve_2019_9512_ping_flood(target):
    flood(target, lambda peer, n: frame(PING, 0, 0, struct.pack(">Q", n)))


@check
def cve_2019_9513_resource_loop_of_priorities(target):
    flood(target, lambda peer, n: frame(PRIORITY, 0, 1 + 2 * (n % 100), u32(1 + 2 * ((n + 1) % 100)) + b"\x10"))


@check
def cve_2019_9514_reset_flood(target):
    """A malformed request on each stream, which the server resets."""
    def bad(peer, n):
        return frame(HEADERS, 5, 1 + 2 * n, peer.encoder.encode([(":method", "POST"), ("X-Bad", "v")]))
    flood(target, bad, most=4_000)


@check
def cve_2019_9515_settings_flood(target):
    flood(target, lambda peer, n: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535 + n % 2)))


@check
def cve_2019_9516_empty_names(target):
    """Fields without a name and without a value: malformed, and not kept."""
    before = target.server.resident_bytes()
    with target.peer() as peer:
        for number in range(200):
            if not peer.send(frame(HEADERS, END_HEADERS | 1, 1 + 2 * number, peer.request() + b"\x00\x00\x00" * 4_000)):
                break
        peer.settle()
        true(peer.goaway or all(code in (0, 1) for code in peer.resets.values()), f"{peer.outcome(1)}")
        true("0" not in {found.get("grpc-status") for found in peer.answers.values()}, "a malformed request was served")
    target.at_base(before)


@check
def cve_2019_9517_internal_buffering(target):
    """Much is asked for with an open window, and the socket is not read."""
    with target.connect() as connection:
        batch = log_pb2.ProduceRequest(records=[log_pb2.Record(value=bytes(1000))] * 500).SerializeToString()
        for _ in range(16):
            equal(connection.reply(connection.start(attack.PRODUCE, batch)).status, 0, "status")
    before = target.server.resident_bytes()
    request = log_pb2.ConsumeRequest(offset=0, max_records=500).SerializeToString()
    held = unread_streams(target, before, request)
    attack.figure(f"{held / 1024:.0f} KiB for each connection with 100 unread streams")
    # For each stream 64 KiB and one answer of at most 256 KiB.
    true(held <= 100 * 320 * 1024, f"{held / 1024:.0f} KiB for each connection")
    # The C library keeps freed memory for the process; what counts is that a second attack takes no more.
    target.at_base(before, 10 * 100 * 320 * 1024)
    base = target.server.resident_bytes()
    unread_streams(target, base, request)
    target.at_base(base, 64 * MIB)


def unread_streams(target, before, request):
    """Bytes held for each of 10 connections with 100 streams whose answers are not read."""
    peers = [target.peer(settings=struct.pack(">HI", 4, 0x7FFFFFFF)) for _ in range(10)]
    for peer in peers:
        octets = frame(WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF - 65535))
        for number in range(100):
            stream = 1 + 2 * number
            octets += peer.open(stream, CONSUME_STREAM) + frame(DATA, 1, stream, b"\0" + u32(len(request)) + request)
        peer.send(octets)
    time.sleep(1)  # nothing tells when a server has stopped to write
    target.fresh_call()
    held = (target.server.resident_bytes() - before) / len(peers)
    for peer in peers:
        peer.socket.close()
    return held


@check
def cve_2019_9518_empty_frames(target):
    flood(target, lambda peer, n: frame(DATA, 0, 1, b""), lambda peer: peer.open(1, CONSUME_STREAM))


@check
def empty_headers_and_continuations(target):
    flood(target, lambda peer, n: frame(CONTINUATION, 0, 1, b""), lambda peer: frame(HEADERS, 0, 1, b""))


@check
def empty_data_with_padding(target):
    """Padding is window that carries nothing."""
    flood(target, lambda peer, n: frame(DATA, 8, 1, b"\0"), lambda peer: peer.open(1, CONSUME_STREAM))


@check
def window_updates_of_the_connection(target):
    flood(target, lambda peer, n: frame(WINDOW_UPDATE, 0, 0, u32(1)))


@check
def unknown_frames(target):
    """RFC 9113 section 4.1 has them passed over: they cost what it takes to read them, and no answer."""
    before = target.server.resident_bytes()
    with target.peer() as peer:
        for _ in range(100):
            true(peer.send(frame(0x42, 0, 0, b"") * 1_000), "closed")
        peer.settle()
        equal(peer.outcome(0), "alive", "outcome")
    target.at_base(before)


@check
def resets_of_streams_that_never_were(target):
    flood(target, lambda peer, n: peer.open(1 + 2 * n) + frame(RST_STREAM, 0, 1 + 2 * n, u32(8)))


@check
def answers_to_pings_that_are_not_read(target):
    """The peer never reads: what is queued for it is bounded, and it is closed."""
    before = target.server.resident_bytes()
    with target.peer() as peer:
        sent, most = 0, before
        peer.socket.settimeout(5)
        while sent < 200_000:
            try:
                peer.socket.sendall(frame(PING, 0, 0, b"no thank") * 500)
            except OSError:
                break
            sent += 500
            if sent % 5_000 == 0:
                most = max(most, target.server.resident_bytes())
        true(sent < 200_000, "a peer that never reads may ping without end")
    attack.figure(f"closed after {sent} PINGs, resident grew {(most - before) >> 10} KiB meanwhile")
    true(most - before <= 8 * MIB, f"resident grew by {(most - before) >> 10} KiB")
    target.at_base(before)


if __name__ == "__main__":
    sys.exit(attack.run(check))
