"""L3 and L5 inside HTTP/2: peers that trickle a preface, a header block or a body, and streams that take nothing.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: l5_trickle.py [--strict] [--long] [NAME...]
"""

import struct
import sys
import time

import attack
import checks
import rawgrpc
from attack import (CONSUME_STREAM, DATA, END_STREAM, HEADERS, PRODUCE, WINDOW_UPDATE, frame, u32)
from checks import equal, true
from stubs import log_pb2

DROPPED_WITHIN = 14  # seconds: 10, the tick of a second, and slow machines
STREAMS, BACKLOG = (500, 64) if attack.LONG else (100, 8)
check = checks.Checks()


@check
def trickled_prefaces_and_header_blocks_are_dropped(target):
    """One byte a second; all at the same time. Others are served meanwhile."""
    before = target.server.resident_bytes()
    silent = [target.peer(preface=False) for _ in range(5)]
    prefaces = [target.peer(preface=False) for _ in range(5)]
    blocks = [target.peer() for _ in range(10)]
    trickles = {peer: rawgrpc.PREFACE for peer in prefaces}
    for number, peer in enumerate(blocks):
        block = peer.request(more=[("x-long", "v" * 60)])
        whole = frame(HEADERS, 4, 1, block)
        peer.send(whole[:12])
        if number % 2:  # in CONTINUATION frames of a byte each
            whole = frame(HEADERS, 0, 1, block[:3]) + b"".join(frame(9, 0, 1, block[n:n + 1]) for n in range(3, 40))
        trickles[peer] = whole[12:]
    begun, sent, dropped = time.monotonic(), 0, {}
    everyone = silent + list(trickles)
    while len(dropped) < len(everyone) and time.monotonic() - begun < DROPPED_WITHIN + 4:
        for peer in everyone:
            if peer not in dropped:
                if peer in trickles:
                    peer.send(trickles[peer][sent:sent + 1])
                peer.drain(0.001)
                if peer.closed:
                    dropped[peer] = time.monotonic() - begun
        target.fresh_call()
        sent += 1
        time.sleep(max(0, begun + sent - time.monotonic()))
    left = {name: sum(1 for peer in group if peer not in dropped)
            for name, group in (("silent", silent), ("preface", prefaces), ("header block", blocks))}
    equal(left, {"silent": 0, "preface": 0, "header block": 0}, "still open")
    true(max(dropped.values()) <= DROPPED_WITHIN, f"the last was dropped after {max(dropped.values()):.1f} s")
    attack.figure(f"dropped after {min(dropped.values()):.1f} to {max(dropped.values()):.1f} s")
    target.at_base(before)


@check
def trickled_bodies_hold_little_and_end_at_their_deadline(target):
    before = target.server.resident_bytes()
    with target.peer() as peer:
        for number in range(200):
            stream = 1 + 2 * number
            peer.send(peer.open(stream, PRODUCE, [("grpc-timeout", "3S")]) + frame(DATA, 0, stream, b"\0" + u32(4 << 20)))
        for _ in range(3):
            peer.send(b"".join(frame(DATA, 0, 1 + 2 * number, b"x") for number in range(200)))
            target.fresh_call()
            time.sleep(0.3)
        held = target.server.resident_bytes() - before
        true(peer.until(lambda: len(peer.answers) == 200, 15), f"{len(peer.answers)} of 200 answered")
        equal({found["grpc-status"] for found in peer.answers.values()}, {"4"}, "statuses")
    attack.figure(f"200 calls with a length of 4 MiB and no body hold {held >> 10} KiB")
    true(held < 200 * (64 << 10), f"{held >> 10} KiB")
    target.at_base(before)


@check
def stalled_streams_of_few_connections_hold_little_and_are_reset(target):
    """L3. Each stream may hold 64 KiB and one answer; its limit is a `--limits-consumer-stall` of 4 s here, 20 s with `--long`."""
    server = target.workspace.server("--limits-consumer-stall", "4s" if not attack.LONG else "20s", data="stalled").start()
    other = attack.Target(server, target.workspace)
    records = [log_pb2.Record(value=bytes(1000))] * 500
    batch = log_pb2.ProduceRequest(records=records).SerializeToString()
    with other.connect(timeout=60) as connection:
        for _ in range(BACKLOG * 2):
            equal(connection.reply(connection.start(PRODUCE, batch)).status, 0, "status")
    request = log_pb2.ConsumeRequest(offset=0, max_records=10).SerializeToString()
    other.fresh_call()
    before = server.resident_bytes()
    peers = [other.peer(settings=struct.pack(">HI", 4, 20_000)) for _ in range(5)]
    for peer in peers:
        peer.send(b"".join(peer.open(1 + 2 * n, CONSUME_STREAM) + frame(DATA, END_STREAM, 1 + 2 * n, b"\0" + u32(
            len(request)) + request) for n in range(STREAMS // 5)))
    checks.within(30, lambda: settled(server), "resident memory settles")
    held = (server.resident_bytes() - before) / STREAMS
    other.fresh_call()
    for peer in peers:
        done = lambda: all(1 + 2 * n in peer.resets or "grpc-status" in peer.answers.get(1 + 2 * n, {}) for n in range(STREAMS // 5))
        true(peer.until(done, 90), f"{len(peer.resets)} resets")
        peer.socket.close()
    attack.figure(f"{STREAMS} stalled streams on 5 connections, {BACKLOG} MiB: {held / 1024:.0f} KiB for each")
    true(held <= (64 + 16) << 10, f"{held / 1024:.0f} KiB for each stalled stream")
    other.at_base(before)
    equal(server.terminate(), 0, "exit code")


def settled(server):
    first = server.resident_bytes()
    time.sleep(0.3)
    return abs(server.resident_bytes() - first) < 64 << 10


if __name__ == "__main__":
    sys.exit(attack.run(check))
