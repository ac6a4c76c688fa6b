"""A small HTTP/2 client that does what no library lets one do: choose every frame, every write and every window.

It keeps no rules. Frames of RFC 9113; only header compression is left to `hpack`.
"""

import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4


def message(payload):
    """A gRPC message: flag 0, length, bytes."""
    return b"\0" + struct.pack(">I", len(payload)) + payload


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def tls_context(credentials, alpn=("h2",)):
    context = ssl.create_default_context(cafile=credentials.ca)
    context.load_cert_chain(credentials.certificate, credentials.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Reply:
    """What came on one stream."""

    def __init__(self):
        self.headers = []   # one list per HEADERS frame
        self.body = bytearray()
        self.ended = False
        self.reset = None   # error code of RST_STREAM
        self.first_byte_at = None

    def header(self, name):
        for block in reversed(self.headers):
            for key, value in block:
                if key == name:
                    return value
        return None

    @property
    def status(self):
        value = self.header("grpc-status")
        return None if value is None else int(value)

    @property
    def messages(self):
        found, at = [], 0
        while at + 5 <= len(self.body):
            length = struct.unpack(">I", self.body[at + 1:at + 5])[0]
            if at + 5 + length > len(self.body):
                break
            found.append(bytes(self.body[at + 5:at + 5 + length]))
            at += 5 + length
        return found


class Connection:
    """One TLS connection; nothing is read unless `read` or `until` is called."""

    def __init__(self, address, credentials, window=65535, gives_back=True, timeout=10, context=None,
                 receive_buffer=None):
        host, port = address.rsplit(":", 1)
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        plain.connect((host, int(port)))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = context or tls_context(credentials)
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise
        self.gives_back = gives_back
        self.timeout = timeout
        self.replies = {}
        self.goaway = None
        self.send_windows = {0: 65535}
        self.initial_send_window = 65535
        self.closed = False
        self.authority = address
        self._next = 1
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._input = bytearray()
        self.write(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Writing

    def write(self, octets, at_a_time=None):
        if at_a_time is None:
            self.socket.sendall(octets)
            return
        for start in range(0, len(octets), at_a_time):
            self.socket.sendall(octets[start:start + at_a_time])

    def headers(self, path, *more, end=False, method="POST", content_type="application/grpc"):
        """The frame that opens a call, and the call's stream id."""
        stream = self._next
        self._next += 2
        fields = [(":method", method), (":scheme", "https"), (":path", path),
                  (":authority", self.authority), ("te", "trailers")]
        if content_type:
            fields.append(("content-type", content_type))
        block = self._encoder.encode(fields + list(more))
        self.replies[stream] = Reply()
        self.send_windows[stream] = self.initial_send_window
        flags = END_HEADERS | (END_STREAM if end else 0)
        return stream, frame(HEADERS, flags, stream, block)

    def open(self, path, *more, **options):
        stream, octets = self.headers(path, *more, **options)
        self.write(octets)
        return stream

    def data(self, stream, payload, end=False):
        """DATA frames of at most 16 KiB, whatever the windows say."""
        octets = bytearray()
        for start in range(0, max(1, len(payload)), 16384):
            piece = payload[start:start + 16384]
            last = end and start + 16384 >= len(payload)
            octets += frame(DATA, END_STREAM if last else 0, stream, bytes(piece))
        self.write(bytes(octets))
        self.send_windows[stream] -= len(payload)
        self.send_windows[0] -= len(payload)

    def data_in_windows(self, stream, payload, end=True):
        """The same, as far as the windows let it, until all is sent."""
        at = 0
        while at < len(payload):
            room = lambda: min(self.send_windows[0], self.send_windows[stream])
            if not self.until(lambda: room() > 0):
                raise AssertionError(f"no window for the rest of stream {stream}: goaway={self.goaway}")
            size = min(room(), len(payload) - at, 65536)
            self.data(stream, payload[at:at + size], end=end and at + size == len(payload))
            at += size

    def update_window(self, stream, count):
        self.write(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", count)))

    def start(self, path, payload, end=True, *more):
        """A call with one message."""
        stream, octets = self.headers(path, *more)
        body = message(payload)
        if len(body) > 16384:
            self.write(octets)
            self.data_in_windows(stream, body, end)
            return stream
        self.write(octets + frame(DATA, END_STREAM if end else 0, stream, body))
        self.send_windows[stream] -= len(body)
        self.send_windows[0] -= len(body)
        return stream

    # Reading

    def read(self, timeout=None):
        """Takes what one read of the socket gives; False when nothing came in time or the peer closed."""
        self.socket.settimeout(timeout if timeout is not None else self.timeout)
        try:
            octets = self.socket.recv(1 << 18)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except (ConnectionError, ssl.SSLError, OSError):
            self.closed = True
            return False
        finally:
            self.socket.settimeout(self.timeout)
        if not octets:
            self.closed = True
            return False
        self._input += octets
        self._take_frames()
        return True

    def until(self, holds, timeout=None):
        """Reads until `holds()`; False when that did not come in time."""
        end = time.monotonic() + (timeout or self.timeout)
        while not holds():
            left = end - time.monotonic()
            if left <= 0 or self.closed:
                return holds()
            self.read(left)
        return True

    def reply(self, stream, timeout=None):
        """The whole reply of a call."""
        found = self.replies[stream]
        if not self.until(lambda: found.ended or found.reset is not None, timeout):
            raise AssertionError(
                f"no end of stream {stream}: closed={self.closed} goaway={self.goaway} body={len(found.body)}")
        return found

    def _take_frames(self):
        at = 0
        view = self._input
        while len(view) - at >= 9:
            length = int.from_bytes(view[at:at + 3], "big")
            if len(view) - at < 9 + length:
                break
            kind, flags = view[at + 3], view[at + 4]
            stream = int.from_bytes(view[at + 5:at + 9], "big") & 0x7fffffff
            self._take(kind, flags, stream, bytes(view[at + 9:at + 9 + length]))
            at += 9 + length
        del view[:at]

    def _take(self, kind, flags, stream, payload):
        reply = self.replies.get(stream)
        if kind == DATA:
            if reply is not None:
                if reply.first_byte_at is None:
                    reply.first_byte_at = time.perf_counter()
                reply.body += payload
            if self.gives_back and payload:
                self.update_window(0, len(payload))
                if not flags & END_STREAM:
                    self.update_window(stream, len(payload))
        elif kind == HEADERS:
            reply.headers.append([
                (name if isinstance(name, str) else name.decode(),
                 value if isinstance(value, str) else value.decode())
                for name, value in self._decoder.decode(payload)])
        elif kind == RST_STREAM and reply is not None:
            reply.reset = int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self._settings(payload)
        elif kind == PING and not flags & ACK:
            self.write(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == WINDOW_UPDATE:
            self.send_windows[stream] = self.send_windows.get(stream, 0) + int.from_bytes(payload, "big")
        if kind in (DATA, HEADERS) and flags & END_STREAM and reply is not None:
            reply.ended = True

    def _settings(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at:at + 6])
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.send_windows:
                    if stream:
                        self.send_windows[stream] += value - self.initial_send_window
                self.initial_send_window = value
        self.write(frame(SETTINGS, ACK, 0))
