"""The cases of w4_protocol.py: bytes, the section of RFC 9113 (or of RFC 7541) that they break, and the outcome.

Outcomes: `C:<code>` a connection error (GOAWAY), `S:<code>` a stream error (RST_STREAM), `alive` nothing happened,
`grpc:<n>` and `http:<n>` an answer, `closed` the connection ended without a GOAWAY. Alternatives are apart by `|`.
"""

import struct

import rawgrpc
from attack import (CONSUME_STREAM, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY,
                    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, WITH_PRIORITY, frame, u32)

PROTOCOL, FLOW_CONTROL, STREAM_CLOSED, FRAME_SIZE, COMPRESSION = 1, 3, 5, 6, 9
HEAD = END_HEADERS | END_STREAM


class Case:
    def __init__(self, name, section, expected, octets, stream=1, preface=True):
        self.name, self.section, self.expected, self.stream, self.preface = name, section, expected, stream, preface
        self.make = octets if callable(octets) else lambda peer: octets
        self.fresh = False

    def octets(self, peer):
        made = self.make(peer)
        return made if isinstance(made, list) else [made]


def settings(*entries):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *entry) for entry in entries))


def opened(*after, end=False):
    """A call that stays open, and then what breaks it."""
    return lambda peer: peer.open(1, CONSUME_STREAM, end=end) + b"".join(after)


def request(*fields):
    """A header block of these fields alone."""
    return lambda peer: frame(HEADERS, HEAD, 1, peer.encoder.encode(list(fields)))


def all_cases():
    found = (prefaces() + frames() + sizes() + streams() + data() + headers() + priorities() + resets() + setting_cases()
             + pushes_pings_goaways() + windows() + continuations() + compression() + requests())
    for number, case in enumerate(found):
        case.fresh = number % 4 == 0
    return found


def prefaces():
    bad, preface = f"C:{PROTOCOL}", rawgrpc.PREFACE
    cases = [Case("preface: another protocol", "3.4", bad, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(20)),
             Case("preface: a TLS hello", "3.4", bad, b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3" + bytes(30)),
             Case("preface: zeros", "3.4", bad, bytes(64))]
    for at in (0, 3, 14, 17, 20, 23):
        octets = bytearray(preface)
        octets[at] ^= 0x20
        cases.append(Case(f"preface: byte {at} differs", "3.4", bad, bytes(octets) + settings()))
    for kind, name, payload in ((PING, "PING", bytes(8)), (WINDOW_UPDATE, "WINDOW_UPDATE", u32(1)),
                                (GOAWAY, "GOAWAY", bytes(8)), (DATA, "DATA", b""), (HEADERS, "HEADERS", b"")):
        stream = 1 if kind in (DATA, HEADERS) else 0
        cases.append(Case(f"preface: {name} before SETTINGS", "3.4", bad, preface + frame(kind, 4, stream, payload)))
    cases.append(Case("preface: an acknowledgement before SETTINGS", "3.4", bad, preface + frame(SETTINGS, 1, 0)))
    for case in cases:
        case.preface = False
    return cases


def frames():
    cases = []
    for kind in (10, 11, 12, 16, 0x42, 0xFF):
        cases.append(Case(f"unknown frame type {kind} on the connection", "4.1", "alive", frame(kind, 0xFF, 0, b"what")))
        cases.append(Case(f"unknown frame type {kind} on an idle stream", "4.1", "alive", frame(kind, 0, 1, b"")))
    cases += [
        Case("unknown flags of PING", "4.1", "alive", frame(PING, 0xFE, 0, bytes(8))),
        Case("unknown flags of SETTINGS", "4.1", "alive", frame(SETTINGS, 0xFE, 0)),
        Case("reserved bit of PING's stream", "4.1", "alive", frame(PING, 0, 0x80000000, bytes(8))),
        Case("reserved bit of a request's stream", "4.1", "grpc:0", lambda p: frame(
            HEADERS, END_HEADERS, 0x80000001, p.request()) + frame(DATA, END_STREAM, 0x80000001, bytes(5))),
        Case("unknown frame within a header block", "5.5", f"C:{PROTOCOL}", lambda p: frame(
            HEADERS, END_STREAM, 1, p.request()) + frame(0x42, 0, 0, b"")),
    ]
    return cases


def sizes():
    bad = f"C:{FRAME_SIZE}"
    big = bytes(0xFFFFFF)
    cases = [Case(f"{name} of {1 << 24} - 1 bytes", "4.2", bad, frame(kind, 0, stream, big[:])[:40_000])
             for kind, name, stream in ((SETTINGS, "SETTINGS", 0), (PING, "PING", 0), (HEADERS, "HEADERS", 1),
                                        (WINDOW_UPDATE, "WINDOW_UPDATE", 0), (PRIORITY, "PRIORITY", 1),
                                        (RST_STREAM, "RST_STREAM", 1), (0x42, "an unknown frame", 0))]
    cases.append(Case("DATA over the maximum", "4.2", f"S:{FRAME_SIZE}", opened(frame(DATA, 0, 1, big)[:40_000])))
    for length in (0, 1, 7, 9, 16):
        cases.append(Case(f"PING of {length} bytes", "6.7", bad, frame(PING, 0, 0, bytes(length))))
    for length in (0, 3, 5):
        cases.append(Case(f"WINDOW_UPDATE of {length} bytes", "6.9", bad, frame(WINDOW_UPDATE, 0, 0, bytes(length))))
        cases.append(Case(f"RST_STREAM of {length} bytes", "6.4", bad, opened(frame(RST_STREAM, 0, 1, bytes(length)))))
    for length in (1, 5, 7, 11):
        cases.append(Case(f"SETTINGS of {length} bytes", "6.5", bad, frame(SETTINGS, 0, 0, bytes(length))))
    for length in (4, 6):
        cases.append(Case(f"PRIORITY of {length} bytes", "6.3", f"S:{FRAME_SIZE}", opened(
            frame(PRIORITY, 0, 1, bytes(length)))))
    cases.append(Case("GOAWAY of 7 bytes", "6.8", bad, frame(GOAWAY, 0, 0, bytes(7))))
    cases.append(Case("an acknowledgement with a payload", "6.5", bad, frame(SETTINGS, 1, 0, bytes(6))))
    return cases


def streams():
    bad = f"C:{PROTOCOL}"
    fields = [("x", "y")]
    return [
        Case("DATA on an idle stream", "5.1", bad, frame(DATA, 0, 1, b"x")),
        Case("RST_STREAM on an idle stream", "5.1", bad, frame(RST_STREAM, 0, 1, u32(8))),
        Case("WINDOW_UPDATE on an idle stream", "5.1", bad, frame(WINDOW_UPDATE, 0, 1, u32(1))),
        Case("CONTINUATION on an idle stream", "5.1", bad, frame(CONTINUATION, 4, 1, b"")),
        Case("DATA on an idle stream of the server", "5.1", bad, frame(DATA, 0, 2, b"x"), stream=2),
        Case("DATA when half closed", "5.1", f"S:{STREAM_CLOSED}", opened(
            frame(DATA, END_STREAM, 1, b""), frame(DATA, 0, 1, b"x"))),
        Case("HEADERS when half closed", "5.1", f"S:{STREAM_CLOSED}", lambda p: opened(frame(DATA, END_STREAM, 1, b""))(p)
             + frame(HEADERS, HEAD, 1, p.encoder.encode(fields))),
        Case("CONTINUATION when half closed", "5.1", bad, opened(frame(DATA, END_STREAM, 1, b""), frame(
            CONTINUATION, END_HEADERS, 1, b""))),
        # A closed stream: section 5.1 says MAY be a connection error STREAM_CLOSED, and otherwise has them discarded.
        Case("DATA after one's own reset", "5.1", f"alive|S:{STREAM_CLOSED}|C:{STREAM_CLOSED}", opened(
            frame(RST_STREAM, 0, 1, u32(8)), frame(DATA, 0, 1, b"x"))),
        Case("HEADERS after one's own reset", "5.1", f"alive|S:{STREAM_CLOSED}|C:{STREAM_CLOSED}|{bad}", lambda p: opened(
            frame(RST_STREAM, 0, 1, u32(8)))(p) + frame(HEADERS, HEAD, 1, p.encoder.encode(fields))),
        Case("WINDOW_UPDATE after one's own reset", "5.1", "alive", opened(
            frame(RST_STREAM, 0, 1, u32(8)), frame(WINDOW_UPDATE, 0, 1, u32(1)))),
        Case("RST_STREAM after one's own reset", "5.1", "alive", opened(
            frame(RST_STREAM, 0, 1, u32(8)), frame(RST_STREAM, 0, 1, u32(8)))),
        Case("PRIORITY after one's own reset", "5.1", "alive", opened(
            frame(RST_STREAM, 0, 1, u32(8)), frame(PRIORITY, 0, 1, u32(0) + b"\x10"))),
        Case("a request on an even stream", "5.1.1", bad, lambda p: p.open(2, end=True), stream=2),
        Case("a request on stream 0", "6.2", bad, lambda p: p.open(0, end=True), stream=0),
        # A lower number than one used is a closed stream, by section 5.1.1; and see above.
        Case("a lower stream number than before", "5.1.1", f"{bad}|S:{STREAM_CLOSED}|C:{STREAM_CLOSED}|alive",
             lambda p: p.open(5, CONSUME_STREAM) + p.open(3, CONSUME_STREAM), stream=3),
        Case("the same stream number again", "5.1.1", f"{bad}|S:{STREAM_CLOSED}|S:{PROTOCOL}", lambda p: p.open(
            1, CONSUME_STREAM, end=True) + p.open(1, CONSUME_STREAM, end=True)),
        Case("the highest stream number", "5.1.1", "grpc:0", lambda p: p.open(
            0x7FFFFFFF) + frame(DATA, END_STREAM, 0x7FFFFFFF, bytes(5)), stream=0x7FFFFFFF),
    ]


def data():
    bad = f"C:{PROTOCOL}"
    return [
        Case("DATA on stream 0", "6.1", bad, frame(DATA, 0, 0, b"x")),
        Case("DATA's padding as long as the payload", "6.1", bad, opened(frame(DATA, PADDED, 1, b"\5abcde"[:5]))),
        Case("DATA's padding longer than the payload", "6.1", bad, opened(frame(DATA, PADDED, 1, b"\xffab"))),
        Case("padded DATA without a length", "6.1", f"{bad}|C:{FRAME_SIZE}", opened(frame(DATA, PADDED, 1, b""))),
        Case("DATA that is padding only", "6.1", "alive", opened(frame(DATA, PADDED, 1, b"\4" + bytes(4)))),
        Case("a padded request message", "6.1", "grpc:0", lambda p: p.open(1) + frame(
            DATA, PADDED | END_STREAM, 1, b"\7" + bytes(5) + bytes(7))),
    ]


def headers():
    bad = f"C:{PROTOCOL}"

    def shaped(flags, before=b"", after=b""):
        return lambda p: frame(HEADERS, END_HEADERS | flags, 1, before + p.request() + after) + frame(
            DATA, END_STREAM, 1, bytes(5))

    return [
        Case("HEADERS' padding longer than the payload", "6.2", bad, shaped(PADDED, b"\xff")),
        Case("padded HEADERS without a length", "6.2", f"{bad}|C:{FRAME_SIZE}", frame(HEADERS, PADDED | HEAD, 1, b"")),
        Case("padded HEADERS", "6.2", "grpc:0", shaped(PADDED, b"\3", bytes(3))),
        Case("HEADERS with a priority", "6.2", "grpc:0", shaped(WITH_PRIORITY, u32(0) + b"\x10")),
        Case("padded HEADERS with a priority", "6.2", "grpc:0", shaped(PADDED | WITH_PRIORITY, b"\2" + u32(0) + b"\1", bytes(2))),
        Case("HEADERS too short for a priority", "6.2", f"C:{FRAME_SIZE}|{bad}", frame(HEADERS, WITH_PRIORITY | HEAD, 1, b"\0\0")),
        Case("trailers without END_STREAM", "8.1", f"S:{PROTOCOL}", lambda p: opened()(p) + frame(
            HEADERS, END_HEADERS, 1, p.encoder.encode([("x", "y")]))),
        Case("a pseudo header in trailers", "8.1", f"S:{PROTOCOL}", lambda p: opened()(p) + frame(
            HEADERS, HEAD, 1, p.encoder.encode([(":path", "/")]))),
    ]


def priorities():
    return [
        Case("PRIORITY on stream 0", "6.3", f"C:{PROTOCOL}", frame(PRIORITY, 0, 0, u32(1) + b"\1")),
        Case("PRIORITY on an idle stream", "6.3", "alive", frame(PRIORITY, 0, 9, u32(1) + b"\1")),
        # RFC 9113 section 5.3.2 gave priorities up; RFC 7540 section 5.3.1 had a stream error here.
        Case("PRIORITY on itself", "5.3.2", f"alive|S:{PROTOCOL}", opened(frame(PRIORITY, 0, 1, u32(1) + b"\1"))),
    ]


def resets():
    return [
        Case("RST_STREAM on stream 0", "6.4", f"C:{PROTOCOL}", frame(RST_STREAM, 0, 0, u32(8))),
        Case("RST_STREAM with an unknown code", "7", "alive", opened(frame(RST_STREAM, 0, 1, u32(0xFFFFFFFF)))),
    ]


def setting_cases():
    bad = f"C:{PROTOCOL}"
    cases = [Case("SETTINGS on a stream", "6.5", bad, frame(SETTINGS, 0, 1)),
             Case("an acknowledgement on a stream", "6.5", bad, frame(SETTINGS, 1, 1)),
             Case("an unknown setting", "6.5.2", "alive", settings((0x99, 7), (0, 1), (0xFFFF, 0xFFFFFFFF))),
             Case("no settings", "6.5", "alive", settings()),
             Case("the same setting twice", "6.5.3", "alive", settings((4, 100), (4, 70_000))),
             Case("an acknowledgement too many", "6.5.3", f"alive|{bad}", frame(SETTINGS, 1, 0) * 3)]
    for value in (2, 3, 0xFFFFFFFF):
        cases.append(Case(f"ENABLE_PUSH {value}", "6.5.2", bad, settings((2, value))))
    for value in (1 << 31, (1 << 31) + 1, 0xFFFFFFFF):
        cases.append(Case(f"INITIAL_WINDOW_SIZE {value}", "6.5.2", f"C:{FLOW_CONTROL}", settings((4, value))))
    for value in (0, 1, 16383, 1 << 24, 0xFFFFFFFF):
        cases.append(Case(f"MAX_FRAME_SIZE {value}", "6.5.2", bad, settings((5, value))))
    for name, entry in (("HEADER_TABLE_SIZE 0", (1, 0)), ("HEADER_TABLE_SIZE 2^32 - 1", (1, 0xFFFFFFFF)),
                        ("MAX_CONCURRENT_STREAMS 0", (3, 0)), ("INITIAL_WINDOW_SIZE 2^31 - 1", (4, 0x7FFFFFFF)),
                        ("MAX_FRAME_SIZE 2^24 - 1", (5, (1 << 24) - 1)), ("MAX_HEADER_LIST_SIZE 2^32 - 1", (6, 0xFFFFFFFF))):
        cases.append(Case(f"{name} and a call", "6.5.2", "grpc:0", lambda p, entry=entry: settings(entry) + p.open(1) + frame(
            DATA, END_STREAM, 1, bytes(5))))
    # RFC 8441 section 3: 2 is not a value, and this server does not take 1 back; neither says anything of the rest.
    cases.append(Case("ENABLE_CONNECT_PROTOCOL 2", "RFC 8441 3", bad + "|alive", settings((8, 2))))
    return cases


def pushes_pings_goaways():
    bad = f"C:{PROTOCOL}"
    return [
        Case("PUSH_PROMISE from a client", "8.4", bad, lambda p: opened()(p) + frame(
            PUSH_PROMISE, END_HEADERS, 1, u32(2) + p.request())),
        Case("PUSH_PROMISE on stream 0", "6.6", bad, lambda p: frame(PUSH_PROMISE, 4, 0, u32(2) + p.request())),
        Case("PUSH_PROMISE on an idle stream", "6.6", bad, lambda p: frame(PUSH_PROMISE, 4, 1, u32(2) + p.request())),
        Case("PING on a stream", "6.7", bad, frame(PING, 0, 1, bytes(8))),
        Case("an answer to no PING", "6.7", "alive", frame(PING, 1, 0, b"unasked!")),
        Case("GOAWAY on a stream", "6.8", bad, frame(GOAWAY, 0, 1, bytes(8))),
        Case("GOAWAY with debug data", "6.8", "grpc:0|alive|closed", lambda p: p.open(1) + frame(
            DATA, END_STREAM, 1, bytes(5)) + frame(GOAWAY, 0, 0, bytes(8) + b"\x1b[31m bye")),
    ]


def windows():
    over = u32(0x7FFFFFFF)
    return [
        Case("WINDOW_UPDATE of 0 on the connection", "6.9", f"C:{PROTOCOL}", frame(WINDOW_UPDATE, 0, 0, u32(0))),
        Case("WINDOW_UPDATE of 0 on a stream", "6.9", f"S:{PROTOCOL}", opened(frame(WINDOW_UPDATE, 0, 1, u32(0)))),
        Case("WINDOW_UPDATE of 0 with the reserved bit", "6.9", f"C:{PROTOCOL}", frame(WINDOW_UPDATE, 0, 0, u32(1 << 31))),
        Case("the connection's window over 2^31 - 1", "6.9.1", f"C:{FLOW_CONTROL}", frame(WINDOW_UPDATE, 0, 0, over)),
        Case("the connection's window over in two steps", "6.9.1", f"C:{FLOW_CONTROL}", frame(
            WINDOW_UPDATE, 0, 0, u32(0x7FFF0000 - 1)) + frame(WINDOW_UPDATE, 0, 0, u32(65536))),
        Case("a stream's window over 2^31 - 1", "6.9.1", f"S:{FLOW_CONTROL}", opened(frame(WINDOW_UPDATE, 0, 1, over))),
        Case("a stream's window just at 2^31 - 1", "6.9.1", "alive", opened(
            frame(WINDOW_UPDATE, 0, 1, u32(0x7FFFFFFF - 65535)))),
        Case("the connection's window just at 2^31 - 1", "6.9.1", "alive", frame(WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF - 65535))),
        Case("a setting that takes a stream's window over", "6.9.2", f"C:{FLOW_CONTROL}", opened(
            frame(WINDOW_UPDATE, 0, 1, u32(0x7FFFFFFF - 65535)), settings((4, 0x7FFFFFFF)))),
        Case("a setting that takes a stream's window below 0", "6.9.2", "alive", opened(settings((4, 0)))),
        # Answered with RESOURCE_EXHAUSTED before its message is taken, and then reset without an error.
        Case("a message over what its method takes, and DATA without end", "8.1", "S:0|grpc:8", lambda p: [opened()(p)] + [
            frame(DATA, 0, 1, b"\0\0\x40\0\0" + bytes(16379))] + [frame(DATA, 0, 1, bytes(16384))] * 200),
    ]


def continuations():
    bad = f"C:{PROTOCOL}"

    def split(*between, end=True):
        def make(peer):
            block = peer.request()
            last = frame(CONTINUATION, END_HEADERS if end else 0, 1, block[9:])
            return frame(HEADERS, 0, 1, block[:9]) + b"".join(between) + last + frame(DATA, END_STREAM, 1, bytes(5))
        return make

    return [
        Case("a block in two frames", "6.10", "grpc:0", split()),
        Case("an empty CONTINUATION between", "6.10", "grpc:0", split(frame(CONTINUATION, 0, 1, b""))),
        Case("DATA within a header block", "6.10", bad, split(end=False)),
        Case("CONTINUATION of another stream", "6.10", bad, split(frame(CONTINUATION, 0, 3, b""))),
        Case("CONTINUATION on stream 0", "6.10", bad, split(frame(CONTINUATION, 0, 0, b""))),
        Case("PING within a header block", "6.2", bad, split(frame(PING, 0, 0, bytes(8)))),
        Case("SETTINGS within a header block", "6.2", bad, split(settings())),
        Case("HEADERS within a header block", "6.2", bad, split(frame(HEADERS, 4, 3, b""))),
        Case("RST_STREAM within a header block", "6.2", bad, split(frame(RST_STREAM, 0, 1, u32(8)))),
        Case("CONTINUATION behind a whole block", "6.10", bad, opened(frame(CONTINUATION, 4, 1, b""))),
        Case("CONTINUATION first of all", "6.10", bad, frame(CONTINUATION, 4, 1, b"\x82")),
        Case("CONTINUATION behind DATA", "6.10", bad, opened(frame(DATA, 0, 1, b""), frame(CONTINUATION, 4, 1, b""))),
    ]


def compression():
    bad = f"C:{COMPRESSION}"
    blocks = {
        "index 0": b"\x80", "an index far outside": b"\xff\xff\xff\x0f", "index 62 of an empty table": b"\xbe",
        "a name's index outside": b"\x7f\xff\x0f\1a", "an integer without end": b"\xff" + b"\xff" * 20 + b"\0",
        "a string longer than the block": b"\0\x7f\x80\1a", "a block that ends in a name": b"\0\5ab",
        "a block without a value": b"\0\1a", "Huffman padding of 8 bits": b"\0\x82\x1f\xff\1a",
        "Huffman padding that is not ones": b"\0\x81\x00\1a", "the end-of-string symbol": b"\0\x84\xff\xff\xff\xff\1a",
        "a table larger than allowed": b"\x3f\xe2\x3f", "a table size after a field": b"\x82\x20",
        "a table size without end": b"\x3f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f",
    }
    return [Case(f"HPACK: {name}", "RFC 7541 2.3-6.3, RFC 9113 4.3", bad, frame(HEADERS, HEAD, 1, block))
            for name, block in blocks.items()]


def requests():
    """Malformed requests (section 8.1.1): a stream error PROTOCOL_ERROR, or an HTTP answer before it."""
    bad = f"S:{PROTOCOL}|http:400"
    base = [(":method", "POST"), (":scheme", "https"), (":path", "/log.v1.Log/GetServers"), (":authority", "localhost")]
    usual = [("te", "trailers"), ("content-type", "application/grpc")]

    def without(name):
        return [field for field in base if field[0] != name] + usual

    cases = [Case(f"no {name}", "8.3.1", bad, request(*without(name))) for name in (":method", ":scheme", ":path")]
    for name, value in base[:3]:
        cases.append(Case(f"{name} twice", "8.3.1", bad, request(*base, (name, value), *usual)))
    for name in ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"):
        cases.append(Case(f"a {name} field", "8.2.2", bad, request(*base, *usual, (name, "close"))))
    for name, field in (("an uppercase name", ("X-Upper", "v")), ("a space in a name", ("x y", "v")),
                        ("a colon in a name", ("x:y", "v")), ("a control byte in a name", ("x\x01y", "v")),
                        ("a NUL in a value", ("x", "a\0b")), ("a LF in a value", ("x", "a\nb")),
                        ("a CR in a value", ("x", "a\rb")), ("te other than trailers", ("te", "gzip")),
                        ("a 0x7f in a name", ("x\x7f", "v")), ("an empty name", ("", "v"))):
        cases.append(Case(name, "8.2.1", bad, request(*base, *usual, field)))
    # Section 8.2.1: a value MUST NOT start or end with a space, and whoever finds that MAY treat the message as malformed.
    cases.append(Case("a value with spaces around it", "8.2.1", bad + "|alive", request(*base, *usual, ("x", " v "))))
    cases += [
        Case("a pseudo header after a regular one", "8.3", bad, request(*base[:3], ("te", "trailers"), base[3])),
        Case("an unknown pseudo header", "8.3", bad, request(*base, (":what", "x"), *usual)),
        Case(":status in a request", "8.3", bad, request(*base, (":status", "200"), *usual)),
        Case("an empty :path", "8.3.1", bad, request(*without(":path")[:2], (":path", ""), base[3], *usual)),
        Case("a :path without a slash", "8.3.1", bad, request(base[0], base[1], (":path", "log"), base[3], *usual)),
        Case("CONNECT with a path", "8.5", bad, request((":method", "CONNECT"), *base[1:], *usual)),
        Case("content-length 7 and no body", "8.1.1", bad, request(*base, *usual, ("content-length", "7"))),
        Case("content-length that is no number", "8.1.1", bad, request(*base, *usual, ("content-length", "x"))),
        Case("more body than content-length", "8.1.1", bad, lambda p: frame(HEADERS, END_HEADERS, 1, p.request(
            CONSUME_STREAM, [("content-length", "2")])) + frame(DATA, 0, 1, bytes(5))),
        Case("two content-lengths", "8.1.1", bad, request(*base, *usual, ("content-length", "0"), ("content-length", "5"))),
        Case("no field at all", "8.3.1", bad, frame(HEADERS, HEAD, 1, b"")),
    ]
    return cases
