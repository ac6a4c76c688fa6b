"""W2: header blocks that do not end, or unpack to more than anyone needs.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w2_headers.py [--strict] [NAME...]
"""

import sys

import attack
import checks
import rawgrpc
from attack import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, MIB, frame
from checks import equal, true

RESOURCE_EXHAUSTED, ENHANCE_YOUR_CALM = "8", 11
CONNECTIONS = 20
check = checks.Checks()


def on_many(target, octets, judge):
    """The same attack on many connections at once; memory for each, while they are all open, is at most 1 MiB."""
    before = target.server.resident_bytes()
    peers = []
    try:
        for _ in range(CONNECTIONS):
            peer = target.peer()
            peers.append(peer)
            for piece in octets(peer):
                if not peer.send(piece):
                    break
            judge(peer)
        held = (target.server.resident_bytes() - before) / CONNECTIONS
    finally:
        for peer in peers:
            peer.socket.close()
    target.at_base(before)
    attack.figure(f"{held / 1024:.0f} KiB for each connection")
    true(held <= MIB, f"{held / 1024:.0f} KiB for each connection")


def calmed(peer):
    true(peer.ended_as_flood(), f"not closed as a flood: {peer.outcome(1)}")


def ended_with_an_error(peer):
    true(peer.until(lambda: peer.closed), "the connection stays open")
    true(peer.goaway in (None, 1, 9, ENHANCE_YOUR_CALM), f"code of GOAWAY is {peer.goaway}")


def refused(peer):
    """The call fails with RESOURCE_EXHAUSTED, and the next one on the same connection succeeds."""
    peer.settle()
    equal(peer.answers.get(1, {}).get("grpc-status"), RESOURCE_EXHAUSTED, f"status ({peer.outcome(1)})")
    peer.send(peer.open(3) + frame(0, END_STREAM, 3, rawgrpc.message(b"")))
    peer.settle()
    equal(peer.answers.get(3, {}).get("grpc-status"), "0", "status of the next call")


@check
def continuation_flood_of_empty_frames(target):
    on_many(target, lambda peer: [frame(HEADERS, 0, 1, b"\x83")] + [frame(CONTINUATION, 0, 1, b"") * 100] * 100, calmed)


@check
def continuation_flood_of_full_frames(target):
    # Each frame one field that is not to be indexed, of 16 KB.
    field = b"\x00\x01a\x7f" + b"\x81\x7e" + b"v" * 16254
    on_many(target, lambda peer: [frame(HEADERS, 0, 1, peer.request())] + [frame(CONTINUATION, 0, 1, field)] * 1000,
            ended_with_an_error)


@check
def a_list_over_the_limit(target):
    on_many(target, lambda peer: [call(peer, [(f"x-{n}", "v" * 1000) for n in range(20)])], refused)


@check
def a_single_field_over_the_limit(target):
    on_many(target, lambda peer: [call(peer, [("x-big", "v" * 30_000)])], refused)


@check
def a_name_over_the_limit(target):
    on_many(target, lambda peer: [call(peer, [("x" * 30_000, "v")])], refused)


@check
def many_tiny_fields(target):
    # 32 bytes are counted for each field, whatever it holds.
    on_many(target, lambda peer: [call(peer, [("a", "")] * 600)], refused)


@check
def a_field_that_claims_gigabytes(target):
    on_many(target, lambda peer: [frame(HEADERS, 0, 1, peer.request() + b"\x00\x01a\x7f\x81\xff\xff\xff\x07" + b"v" * 9000)],
            ended_with_an_error)


@check
def hpack_bomb(target):
    # One field of 4 KB into the table, and then one byte for each copy: 16 KB unpack to 60 MB.
    def bomb(peer):
        field = b"\x40\x01a\x7f\x80\x1e" + b"v" * 3967  # with incremental indexing
        return [frame(HEADERS, END_HEADERS | END_STREAM, 1, peer.request() + field + b"\xbe" * 12_000)]
    on_many(target, bomb, calmed)


@check
def table_churn(target):
    # Every field replaces the whole table; 60 calls of that on one connection.
    def churn(peer):
        for number in range(60):
            block = peer.plain_request() + b"".join(
                b"\x40\x01" + bytes([97 + n]) + b"\x7f\x80\x1e" + bytes([48 + number % 10]) * 3967 for n in range(3))
            stream = 1 + 2 * number
            yield frame(HEADERS, END_HEADERS, stream, block) + frame(0, END_STREAM, stream, rawgrpc.message(b""))

    def judge(peer):
        peer.settle()
        equal(peer.goaway, None, "GOAWAY")
        equal({peer.answers.get(1 + 2 * n, {}).get("grpc-status") for n in range(60)}, {"0"}, "statuses")
    on_many(target, churn, judge)


@check
def table_size_updates_without_end(target):
    # 8,000 changes of the table's size in one block: RFC 7541 section 4.2 has two at most, nghttp2 lets them be.
    def updates(peer):
        return [frame(HEADERS, END_HEADERS, 1, b"\x20\x3f\xe1\x1f" * 3_000 + peer.request())
                + frame(0, END_STREAM, 1, rawgrpc.message(b""))]

    def judge(peer):
        peer.settle()
        true(peer.outcome(1) in ("grpc:0", "C:9"), f"outcome {peer.outcome(1)}")
    on_many(target, updates, judge)


@check
def headers_that_stay_open_hold_little(target):
    # 15 KB of a block on each connection, without its end.
    before = target.server.resident_bytes()
    peers = [target.peer() for _ in range(50)]
    for peer in peers:
        peer.send(frame(HEADERS, 0, 1, peer.request() + b"\x00\x01a\x7f\xe1\x73" + b"v" * 14_944))
    target.fresh_call()
    held = (target.server.resident_bytes() - before) / len(peers)
    attack.figure(f"{held / 1024:.0f} KiB for each connection")
    true(held <= MIB, f"{held / 1024:.0f} KiB for each connection")
    for peer in peers:
        peer.socket.close()
    target.at_base(before)


def call(peer, fields):
    """One call with these fields, its block cut into frames of 16 KB."""
    block = peer.request(more=fields)
    pieces = [block[at:at + 16_000] for at in range(0, len(block), 16_000)]
    octets = b"".join(
        frame(CONTINUATION if number else HEADERS, END_HEADERS if number == len(pieces) - 1 else 0, 1, piece)
        for number, piece in enumerate(pieces))
    return octets + frame(0, END_STREAM, 1, rawgrpc.message(b""))


if __name__ == "__main__":
    sys.exit(attack.run(check))
