"""A stock gRPC client against the test server: python grpcio_client.py PORT CA CERTIFICATE KEY

Prints "all good" when everything was as gRPC says.
"""
import sys

import grpc

port, ca, certificate, key = sys.argv[1:]


def read(path):
    with open(path, "rb") as file:
        return file.read()


credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(certificate))
channel = grpc.secure_channel(f"localhost:{port}", credentials)
unary = channel.unary_unary("/test.Echo/Unary")
stream = channel.stream_stream("/test.Echo/Stream")
count = channel.unary_stream("/test.Echo/Count")


def failure(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


assert unary(b"hello", timeout=10) == b"hello"
assert unary(b"") == b""
large = bytes(range(256)) * 12_000
assert unary(large) == large
futures = [unary.future(b"%d" % number) for number in range(1000)]
assert [future.result() for future in futures] == [b"%d" % number for number in range(1000)]

messages = [bytes([number % 251]) * (number * 37 % 70_000) for number in range(500)]
assert list(stream(iter(messages))) == messages
numbers = [int(message.split()[0]) for message in count(b"300")]
assert numbers == list(range(300))

endless = stream(iter([b"a"]))
endless.cancel()

error = failure(channel.unary_unary("/test.Echo/Silence"), b"x", timeout=0.05)
assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
error = failure(channel.unary_unary("/test.Echo/Nothing"), b"x")
assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
error = failure(unary, b"x" * ((4 << 20) + 1))
assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
error = failure(channel.unary_unary("/test.Echo/Fail"), b"x")
assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
assert error.details() == "no: \u00fcnder 100 %", error.details()
assert b"TEST" in dict(error.trailing_metadata())["grpc-status-details-bin"]
error = failure(unary, b"x", compression=grpc.Compression.Gzip)
assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
whoami = channel.unary_unary("/test.Echo/Whoami")
assert whoami(b"x", metadata=[("x-test", "seen")]) == b"root seen"
assert unary(b"still here") == b"still here"
print("all good")
