"""What a stock grpcio client is refused, with which code and details, and that its connection serves on.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: grpcio_refusals.py [NAME...]
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import contract
import stubs
from checks import equal, true
from contract import LONG, now
from stubs import expect, log_pb2

Code = grpc.StatusCode
check = checks.Checks()


@check
def a_first_record_is_there(c):
    equal(c.root.produce(b"first").offset, 0)


# Refusals


@check
def an_empty_produce_is_refused(c):
    end = c.root.end()
    found = expect(lambda: c.root.log.Produce(log_pb2.ProduceRequest(), timeout=LONG), Code.INVALID_ARGUMENT)
    true(found.info and found.info.domain == "distlog", "no ErrorInfo")
    true(found.violations, "no field violation")
    equal(c.root.end(), end, "end")


@check
def invalid_requests_name_their_field(c):
    end = c.root.end()
    good = log_pb2.Record(value=b"v")
    header = log_pb2.Header(name="n", value=b"v")
    cases = {
        "records": log_pb2.ProduceRequest(record=good, records=[good]),
        "record.type": log_pb2.ProduceRequest(record=log_pb2.Record(type=1)),
        "records[1].type": log_pb2.ProduceRequest(records=[good, log_pb2.Record(type=1)]),
        "record.key": log_pb2.ProduceRequest(record=log_pb2.Record(key=bytes((64 << 10) + 1))),
        "record.headers": log_pb2.ProduceRequest(record=log_pb2.Record(headers=[header] * 65)),
        "record.headers[0].name": log_pb2.ProduceRequest(
            record=log_pb2.Record(headers=[log_pb2.Header(name="n" * 257)])),
        "record.timestamp_unix_nano": log_pb2.ProduceRequest(
            record=log_pb2.Record(timestamp_unix_nano=now() + 301 * 1_000_000_000)),
        "log": log_pb2.ProduceRequest(log="a/b", record=good),
    }
    wrong = []
    for field, request in cases.items():
        try:
            found = expect(lambda request=request: c.root.log.Produce(request, timeout=LONG),
                           Code.INVALID_ARGUMENT)
            equal(found.violations, [field], "violations")
            true(found.info is not None, "no ErrorInfo")
        except AssertionError as error:
            wrong.append(f"{field}: {error}")
    true(not wrong, "; ".join(wrong))
    too_many = log_pb2.ProduceRequest(records=[good] * 10_001)
    equal(expect(lambda: c.root.log.Produce(too_many, timeout=LONG), Code.INVALID_ARGUMENT).violations,
          ["records"])
    equal(c.root.end(), end, "nothing of it was appended; end")


@check
def invalid_consume_options_name_their_field(c):
    for field, value in (("start", 99), ("stop", 99), ("consistency", 99)):
        found = expect(lambda f=field, v=value: c.root.consume(**{f: v}), Code.INVALID_ARGUMENT)
        equal(found.violations, [field], "violations")


@check
def a_record_over_the_limit_is_refused(c):
    expect(lambda: c.root.produce(bytes((1 << 20) + 1)), Code.INVALID_ARGUMENT, "RECORD_TOO_LARGE",
           {"limit": 1 << 20, "size": (1 << 20) + 1})
    expect(lambda: c.root.produce(bytes(1 << 20), key=b"k"), Code.INVALID_ARGUMENT, "RECORD_TOO_LARGE",
           {"limit": 1 << 20, "size": (1 << 20) + 1})


@check
def a_message_over_the_limit_is_refused_and_the_connection_serves_on(c):
    request = log_pb2.ProduceRequest(records=[log_pb2.Record(value=bytes(1 << 20))] * 5)
    expect(lambda: c.root.log.Produce(request, timeout=LONG), Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE",
           {"limit": 4 << 20, "size": request.ByteSize()})
    equal(c.root.produce(b"still here").durability, log_pb2.DURABILITY_QUORUM_SYNCED)


@check
def an_offset_past_the_end_is_out_of_range(c):
    end = c.root.end()
    for offset in (end, end + 1, (1 << 64) - 1):
        found = expect(lambda o=offset: c.root.consume(offset=o), Code.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE",
                       {"offset": offset, "start": 0, "end": end})
        true(str(offset) in found.localized.message, "the LocalizedMessage does not name the offset")


@check
def another_log_is_not_found(c):
    missing = "no-such-log"
    calls = [
        lambda: c.root.log.Produce(
            log_pb2.ProduceRequest(log=missing, record=log_pb2.Record(value=b"v")), timeout=LONG),
        lambda: c.root.consume(log=missing),
        lambda: list(c.root.stream(log=missing)),
        lambda: list(c.root.log.ProduceStream(
            iter([log_pb2.ProduceRequest(log=missing, record=log_pb2.Record(value=b"v"))]), timeout=LONG)),
        lambda: c.root.logs.DescribeLog(log_pb2.DescribeLogRequest(name=missing), timeout=LONG),
        lambda: c.root.logs.FindOffset(log_pb2.FindOffsetRequest(log=missing), timeout=LONG),
    ]
    for call in calls:
        expect(call, Code.NOT_FOUND, "LOG_NOT_FOUND", {"log": missing})
    equal(c.root.consume(log="default", offset=0).record.offset, 0)


@check
def a_wrong_checksum_is_refused(c):
    end = c.root.end()
    expect(lambda: c.root.produce(b"value", crc32c=12345), Code.INVALID_ARGUMENT, "CHECKSUM_MISMATCH")
    equal(c.root.end(), end, "end")


@check
def nobody_is_denied_on_all_data_calls(c):
    request = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"v"))
    consume = log_pb2.ConsumeRequest()
    log, logs = c.nobody.log, c.nobody.logs
    calls = [
        (lambda: log.Produce(request, timeout=LONG), "produce"),
        (lambda: list(log.ProduceStream(iter([request]), timeout=LONG)), "produce"),
        (lambda: log.Consume(consume, timeout=LONG), "consume"),
        (lambda: list(log.ConsumeStream(consume, timeout=LONG)), "consume"),
        (lambda: logs.DescribeLog(log_pb2.DescribeLogRequest(), timeout=LONG), "describe"),
        (lambda: logs.FindOffset(log_pb2.FindOffsetRequest(), timeout=LONG), "consume"),
    ]
    end = c.root.end()
    for call, action in calls:
        expect(call, Code.PERMISSION_DENIED, "ACL_DENIED",
               {"subject": "nobody", "action": action, "object": "default"},
               message=f"nobody not permitted to {action} to default")
    equal(c.root.end(), end, "end")
    # Any valid identity may ask who serves.
    equal(len(log.GetServers(log_pb2.GetServersRequest(), timeout=LONG).servers), 1)


@check
def what_nobody_is_told_does_not_depend_on_the_log(c):
    def told(name):
        found = stubs.failure(lambda: c.nobody.consume(log=name, offset=1 << 40))
        return found.code, found.message.replace(name, "LOG").replace("default", "LOG")

    equal(told("there-is-no-such-log"), told("default"))


# Calls that end early


@check
def garbage_leaves_the_connection_serving(c):
    garbage = [b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05abc", b"\x07", bytes(1000),
               b"\x42\x02\xc3\x28"]
    half_a_record = [b"\x4a\x03\x0a\x05x"]
    for path, inputs in (("Produce", garbage + half_a_record), ("Consume", garbage)):
        call = c.root.channel.unary_unary(
            f"/log.v1.Log/{path}", request_serializer=bytes, response_deserializer=bytes)
        for octets in inputs:
            found = expect(lambda o=octets, call=call: call(o, timeout=LONG), Code.INVALID_ARGUMENT)
            true(found.info is not None, "no ErrorInfo")
            c.root.consume(offset=0)
    stream = c.root.channel.stream_stream(
        "/log.v1.Log/ProduceStream", request_serializer=bytes, response_deserializer=bytes)
    expect(lambda: list(stream(iter([garbage[0]]), timeout=LONG)), Code.INVALID_ARGUMENT)
    equal(c.root.consume(offset=0).record.offset, 0)


@check
def a_passed_deadline_ends_the_call(c):
    end = c.root.end()
    begun = time.monotonic()
    request = log_pb2.ConsumeRequest(offset=end, wait_ms=10_000)
    expect(lambda: c.root.log.Consume(request, timeout=0.1), Code.DEADLINE_EXCEEDED)
    expect(lambda: list(c.root.log.ConsumeStream(log_pb2.ConsumeRequest(offset=end), timeout=0.1)),
           Code.DEADLINE_EXCEEDED)
    true(time.monotonic() - begun < 5, "took too long")
    c.root.consume(offset=0)


@check
def cancelled_calls_leave_the_connection_serving(c):
    end = c.root.end()
    for _ in range(50):
        stream = c.root.stream(offset=0)
        next(stream)
        stream.cancel()
    waiting = [c.root.log.Consume.future(log_pb2.ConsumeRequest(offset=end, wait_ms=15_000), timeout=LONG)
               for _ in range(20)]
    for call in waiting:
        call.cancel()
    equal(c.root.produce(b"after the cancelled").offset, end, "offset")


@check
def the_server_has_logged_no_error(c):
    bad = [line for line in c.server.log().splitlines() if '"level":"error"' in line or '"level":"critical"' in line]
    equal(bad, [], "error lines")


if __name__ == "__main__":
    sys.exit(contract.main(check, 150))
