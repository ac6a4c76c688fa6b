"""W5: gRPC messages framed wrongly, and right ones cut at every byte. (The rest of the row is in InteropTests/raw_frames.py.)

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w5_framing.py [--strict] [NAME...]
"""

import sys

import attack
import checks
from attack import DATA, END_STREAM, MIB, PRODUCE, PRODUCE_STREAM, frame, u32
from checks import equal, true
from stubs import log_pb2

check = checks.Checks()
GOOD = b"\0" + u32(11) + log_pb2.ProduceRequest(record=log_pb2.Record(value=b"framing")).SerializeToString()


def outcomes(target, cases, path):
    """The status of each case's bytes as a whole request."""
    wrong = []
    with target.peer() as peer:
        for number, (name, (octets, expected)) in enumerate(cases.items()):
            stream = 1 + 2 * number
            peer.send(peer.open(stream, path) + b"".join(
                frame(DATA, 0, stream, octets[at:at + 16384]) for at in range(0, len(octets), 16384))
                + frame(DATA, END_STREAM, stream, b""))
            peer.until(lambda: "grpc-status" in peer.answers.get(stream, {}), 10)
            found = peer.answers.get(stream, {}).get("grpc-status")
            if found not in expected.split("|"):
                wrong.append(f"{name}: {found}, not {expected}")
    true(not wrong, "; ".join(wrong))
    target.fresh_call()


@check
def every_flag_but_0_is_refused(target):
    # 1 is compressed, without grpc-encoding: INTERNAL; the others are reserved.
    outcomes(target, {f"flag {flag}": (bytes([flag]) + GOOD[1:], "13") for flag in range(1, 256)}, PRODUCE)


@check
def every_truncation_is_refused(target):
    equal(len(GOOD), 5 + int.from_bytes(GOOD[1:5], "big"), "length of the good message")
    cases = {f"{length} bytes": (GOOD[:length], "13") for length in range(len(GOOD))}
    outcomes(target, cases, PRODUCE)
    outcomes(target, {name: case for name, case in cases.items() if name != "0 bytes"}, PRODUCE_STREAM)
    outcomes(target, {"all of it": (GOOD, "0"), "none on a stream": (b"", "13")}, PRODUCE)


@check
def bytes_behind_a_unary_message_are_refused(target):
    cases = {f"{len(more)} bytes more": (GOOD + more, "13") for more in (b"\0", b"\0" * 4, b"\0" * 5, b"\xff" * 9, GOOD)}
    outcomes(target, cases, PRODUCE)


@check
def lengths_over_the_limit_are_refused_before_they_are_buffered(target):
    before = target.server.resident_bytes()
    cases = {f"length {length}": (b"\0" + u32(length) + bytes(1000), "8") for length in (
        (4 << 20) + 1, (4 << 20) + 2, 1 << 24, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)}
    outcomes(target, cases, PRODUCE)
    outcomes(target, cases, PRODUCE_STREAM)
    target.at_base(before, 16 * MIB)


@check
def a_good_message_cut_at_every_byte_into_frames_of_every_size(target):
    cuts = 0
    with target.peer() as peer:
        for size in range(1, len(GOOD) + 1):
            stream = 1 + 2 * (size - 1)
            pieces = [GOOD[at:at + size] for at in range(0, len(GOOD), size)]
            octets = peer.open(stream, PRODUCE) + b"".join(frame(DATA, 0, stream, piece) for piece in pieces)
            peer.send(octets + frame(DATA, END_STREAM, stream, b""))
            peer.until(lambda: "grpc-status" in peer.answers.get(stream, {}), 10)
            equal(peer.answers.get(stream, {}).get("grpc-status"), "0", f"status with pieces of {size}")
            cuts += len(pieces)
    attack.figure(f"{cuts} pieces")
    target.fresh_call()


if __name__ == "__main__":
    sys.exit(attack.run(check))
