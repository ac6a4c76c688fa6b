"""What every attack script shares: a real server over TLS, a peer that keeps no rules, and the probe after each attack.

A script's arguments: names of checks to run, `--strict` (a fresh call within 100 ms, for a quiet machine), `--long`.
"""

import pathlib
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import hpack

import checks
import rawgrpc
import servers
from rawgrpc import Connection, frame
from stubs import log_pb2

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 1, 4, 8, 32
MIB = 1 << 20

STRICT, LONG = "--strict" in sys.argv, "--long" in sys.argv
FRESH_CALL_WITHIN = 0.1 if STRICT else 5.0  # seconds; machines that build something else are slow
PRODUCE, PRODUCE_STREAM = "/log.v1.Log/Produce", "/log.v1.Log/ProduceStream"
CONSUME, CONSUME_STREAM = "/log.v1.Log/Consume", "/log.v1.Log/ConsumeStream"
GET_SERVERS = "/log.v1.Log/GetServers"


def u32(value):
    return struct.pack(">I", value)


class Peer:
    """One TLS connection on which any bytes may be sent; what comes back is kept as a list of events."""

    def __init__(self, target, preface=True, settings=b"", context=None, timeout=10):
        plain = socket.create_connection((target.server.host, target.server.port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (context or target.context).wrap_socket(plain, server_hostname="localhost")
        self.target = target
        self.port = self.socket.getsockname()[1]
        self.authority = target.server.address
        self.closed = False
        self.goaway = None
        self.resets = {}     # stream -> code
        self.answers = {}    # stream -> headers and trailers
        self.pongs = set()
        self.received = self.markers = 0
        self.encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._input = bytearray()
        if preface:
            self.send(rawgrpc.PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        """False once the server has closed."""
        try:
            self.socket.sendall(octets)
            return True
        except (OSError, ssl.SSLError):
            self.drain(0.2)
            self.closed = True
            return False

    def request(self, path=GET_SERVERS, more=(), method="POST"):
        """A header block of a request that is right, without its frame."""
        return self.encoder.encode([
            (":method", method), (":scheme", "https"), (":path", path), (":authority", self.authority),
            ("te", "trailers"), ("content-type", "application/grpc"), *more])

    def plain_request(self):
        """The same in literals that touch no table."""
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", GET_SERVERS.encode()),
                  (b":authority", self.authority.encode()), (b"te", b"trailers"), (b"content-type", b"application/grpc")]
        return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)

    def open(self, stream, path=GET_SERVERS, more=(), end=False):
        flags = END_HEADERS | (END_STREAM if end else 0)
        return frame(HEADERS, flags, stream, self.request(path, more))

    def drain(self, seconds):
        """Reads what comes within so long, or until the server closes."""
        end = time.monotonic() + seconds
        while not self.closed and time.monotonic() < end:
            self._read(end - time.monotonic())

    def until(self, holds, seconds=10):
        end = time.monotonic() + seconds
        while not holds() and not self.closed and time.monotonic() < end:
            self._read(end - time.monotonic())
        return holds()

    def settle(self, seconds=10):
        """Returns when the server has worked off what was sent, or has closed."""
        for _ in range(2):  # a reset may go out behind the first answer
            self.markers += 1
            marker = b"mark" + u32(self.markers)
            if not self.send(frame(PING, 0, 0, marker)):
                break
            self.until(lambda: marker in self.pongs or self.goaway not in (None, 0), seconds)
        if self.goaway:
            self.until(lambda: self.closed, seconds)

    def ended_as_flood(self):
        """Closed with ENHANCE_YOUR_CALM. The kernel drops a GOAWAY when the server closes on bytes that it did not read;
        then the server's log says why it closed."""
        if not self.until(lambda: self.closed):
            return False
        if self.goaway is not None:
            return self.goaway == 11
        line = f"closing the connection from 127.0.0.1:{self.port}: "
        reasons = (line + "the peer floods", line + "HTTP/2 failed: ")  # nghttp2 itself counts CONTINUATION frames
        return bool(checks.within(5, lambda: any(reason in self.target.server.log() for reason in reasons), "a line about it"))

    def outcome(self, stream):
        """In one word: what the server made of what was sent on a stream."""
        if self.goaway:
            return f"C:{self.goaway}"
        if stream in self.resets:
            return f"S:{self.resets[stream]}"
        if self.closed:
            return "closed"
        answer = self.answers.get(stream, {})
        if answer.get(":status", "200") != "200":
            return f"http:{answer[':status']}"
        if "grpc-status" in answer:
            return f"grpc:{answer['grpc-status']}"
        return "alive"

    def _read(self, seconds):
        self.socket.settimeout(max(0.001, seconds))
        try:
            octets = self.socket.recv(1 << 18)
        except (TimeoutError, ssl.SSLWantReadError):
            return
        except (OSError, ssl.SSLError):
            octets = b""
        finally:
            self.socket.settimeout(10)
        if not octets:
            self.closed = True
            return
        self.received += len(octets)
        self._input += octets
        while len(self._input) >= 9:
            size = 9 + int.from_bytes(self._input[:3], "big")
            if len(self._input) < size:
                break
            self._take(self._input[3], self._input[4], int.from_bytes(self._input[5:9], "big"), bytes(self._input[9:size]))
            del self._input[:size]

    def _take(self, kind, flags, stream, payload):
        if kind == HEADERS:
            fields = self._decoder.decode(payload, raw=True)
            self.answers.setdefault(stream, {}).update((n.decode(), v.decode("latin-1")) for n, v in fields)
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == PING and flags & 1:
            self.pongs.add(payload)
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")


class Target:
    """The attacked server, and what is measured on it."""

    def __init__(self, server, workspace):
        self.server = server
        self.workspace = workspace
        self.root = workspace.certificate("root")
        self.context = rawgrpc.tls_context(self.root)
        self.slowest_fresh_call = 0.0

    def peer(self, **options):
        return Peer(self, **options)

    def connect(self, **options):
        return Connection(self.server.address, self.root, context=self.context, **options)

    def fresh_call(self):
        """A valid call on a connection of its own; fails when it is not answered in time."""
        for attempt in range(3 if STRICT else 1):
            begun = time.monotonic()
            with self.connect() as connection:
                reply = connection.reply(connection.start(GET_SERVERS, b""))
                checks.equal(reply.status, 0, "status of a fresh call")
            took = time.monotonic() - begun
            if took <= FRESH_CALL_WITHIN:
                break
        self.slowest_fresh_call = max(self.slowest_fresh_call, took)
        checks.true(took <= FRESH_CALL_WITHIN, f"a fresh call took {took * 1000:.0f} ms")

    def at_base(self, resident_before, grown_at_most=32 * MIB):
        """After an attack: calls are answered, the process idles, memory is back, descriptors are free."""
        self.fresh_call()

        def idles():
            before = self.server.cpu_seconds()
            time.sleep(0.2)
            return self.server.cpu_seconds() - before < 0.04

        checks.within(15, idles, "the server's CPU is idle again")
        checks.within(15, lambda: self.server.open_descriptors() < 60, "descriptors are freed")
        grown = self.server.resident_bytes() - resident_before
        checks.true(grown <= grown_at_most, f"resident memory grew by {grown >> 10} KiB")
        return grown


def figure(text):
    """A figure for whoever runs the script by hand."""
    print(f"  {text}", file=sys.stderr, flush=True)


def run(check, *flags, seconds=150):
    """Runs a script's checks against a server of its own; the exit code."""
    checks.give_up_after(3600 if LONG else seconds)
    only = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    with servers.Workspace() as workspace:
        server = workspace.server("--log-format", "json", "--log-level", "debug", "--shutdown-drain", "3s", *flags).start()
        target = Target(server, workspace)
        target.fresh_call()
        code = check.run(target, only=only)
        gone = server.process.poll()
        if gone is not None:
            print(f"FAIL the server ended with {gone}")
        else:
            ended = server.terminate()
            if ended != 0:
                print(f"FAIL the server's exit code is {ended}")
        critical = [line for line in server.log().splitlines() if '"level":"critical"' in line or "Fatal error" in line]
        if critical:
            print(f"FAIL critical lines: {critical[:3]}")
        figure(f"slowest fresh call {target.slowest_fresh_call * 1000:.1f} ms")
        if code:
            print(server.log()[-4000:], file=sys.stderr)
    return code or (1 if gone is not None or critical else 0)
