"""What a stock grpcio client gets from a real server: every method and every option.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: grpcio_contract.py [NAME...]
"""

import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import contract
import crc32c
from checks import equal, true
from contract import LONG, now, records
from stubs import expect, health_pb2, log_pb2

Code = grpc.StatusCode
check = checks.Checks()


# Writing and reading


@check
def an_empty_log_answers_offset_out_of_range(c):
    equal(c.root.end(), 0, "end")
    found = expect(lambda: c.root.consume(offset=0), Code.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE",
                   {"offset": 0, "start": 0, "end": 0})
    true(found.localized is not None and found.localized.message, "no LocalizedMessage")


@check
def produce_gives_dense_offsets_from_zero(c):
    for offset in range(3):
        answer = c.root.produce(b"record %d" % offset)
        equal((answer.offset, answer.last_offset), (offset, offset), "offsets")
        equal(answer.durability, log_pb2.DURABILITY_QUORUM_SYNCED, "durability")
        true(answer.term >= 1, "no term")
        true(abs(answer.timestamp_unix_nano - now()) < 60e9, "timestamp is not now")


@check
def consume_gives_back_the_record_in_field_two(c):
    response = c.root.consume(offset=1)
    true(response.HasField("record") and not response.records, "the record is not in field 2")
    equal(response.record.value, b"record 1")
    equal((response.record.offset, response.next_offset, response.start_offset), (1, 2, 0), "offsets")
    true(response.end_offset >= 3 and response.record.term >= 1, "end or term")


@check
def a_batch_gets_consecutive_offsets(c):
    first = c.root.end()
    answer = c.root.produce(b"a", b"b", b"c")
    equal((answer.offset, answer.last_offset), (first, first + 2), "offsets")
    response = c.root.consume(offset=first, max_records=10)
    equal([record.value for record in response.records], [b"a", b"b", b"c"])
    equal([record.offset for record in response.records], [first, first + 1, first + 2])
    equal(response.next_offset, first + 3, "next_offset")


@check
def all_bytes_keys_headers_and_timestamps_come_back(c):
    value = bytes(range(256)) * 5
    headers = [log_pb2.Header(name="b", value=b"\0\xff"), log_pb2.Header(name="a", value=b""),
               log_pb2.Header(name="b", value=b"again")]
    stamp = now() - 3_600_000_000_000
    sum_ = crc32c.of(value, b"key\n\0", *[part for h in headers for part in (h.name.encode(), h.value)])
    sent = log_pb2.Record(value=value, key=b"key\n\0", headers=headers, timestamp_unix_nano=stamp, crc32c=sum_,
                          offset=999, term=999)
    answer = c.root.log.Produce(log_pb2.ProduceRequest(record=sent), timeout=LONG)
    found = c.root.consume(offset=answer.offset).record
    sent.offset, sent.term = answer.offset, answer.term
    equal(found, sent)


@check
def an_empty_value_is_a_record(c):
    answer = c.root.produce(b"")
    found = c.root.consume(offset=answer.offset)
    true(found.HasField("record"), "no record")
    equal((found.record.value, found.record.offset), (b"", answer.offset))


@check
def records_up_to_the_limit_come_back(c):
    value = bytes(1 << 20)
    answer = c.root.produce(value)
    equal(c.root.consume(offset=answer.offset).record.value == value, True, "same bytes")
    # A single record goes out whatever max_bytes says.
    equal(len(c.root.consume(offset=answer.offset, max_records=5, max_bytes=10).records), 1, "records")


@check
def the_batch_limit_can_be_reached(c):
    first = c.root.end()
    answer = c.root.produce(*[b"%d" % n for n in range(10_000)])
    equal((answer.offset, answer.last_offset), (first, first + 9_999))
    found = c.root.values(offset=first, max_records=3_000, stop=log_pb2.STOP_END)
    equal(found == [b"%d" % n for n in range(10_000)], True, "same values")


@check
def max_records_and_max_bytes_bound_an_answer(c):
    first = c.root.end()
    c.root.produce(*[b"x" * 1000] * 20)
    equal(len(c.root.consume(offset=first, max_records=7).records), 7, "records")
    few = c.root.consume(offset=first, max_records=20, max_bytes=5_000).records
    true(1 <= len(few) <= 5, f"{len(few)} records of 1,000 bytes within 5,000")
    equal(len(c.root.consume(offset=first, max_records=20).records), 20, "records")
    equal(len(c.root.consume(offset=first, max_records=1).records), 0, "max_records=1 uses field 2")
    sizes = [len(response.records) for response in
             c.root.stream(offset=first, max_records=6, stop=log_pb2.STOP_END)]
    true(max(sizes) <= 6 and sum(sizes) == 20, f"{sizes}")


# Streams


@check
def a_produce_stream_answers_each_request_in_order(c):
    first = c.root.end()
    requests = [log_pb2.ProduceRequest(record=log_pb2.Record(value=b"s%d" % n)) for n in range(200)]
    requests[50] = log_pb2.ProduceRequest(records=[log_pb2.Record(value=b"x"), log_pb2.Record(value=b"y")])
    answers = list(c.root.log.ProduceStream(iter(requests), timeout=LONG))
    equal(len(answers), 200, "answers")
    expected = [first + n + (1 if n > 50 else 0) for n in range(200)]
    equal([answer.offset for answer in answers], expected, "offsets")
    equal(answers[50].last_offset, first + 51, "last offset of the batch")


@check
def a_half_closed_produce_stream_ends_with_ok(c):
    done = threading.Event()

    def requests():
        yield log_pb2.ProduceRequest(record=log_pb2.Record(value=b"only"))
        done.wait(LONG)

    call = c.root.log.ProduceStream(requests(), timeout=LONG)
    next(call)  # answered while the request side is open
    done.set()
    equal(list(call), [], "more answers")
    equal(call.code(), Code.OK, "code")
    empty = c.root.log.ProduceStream(iter(()), timeout=LONG)
    equal(list(empty), [], "answers to nothing")
    equal(empty.code(), Code.OK, "code without a request")


@check
def a_failure_ends_a_produce_stream(c):
    first = c.root.end()
    good = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"good"))
    call = c.root.log.ProduceStream(iter([good, log_pb2.ProduceRequest(), good]), timeout=LONG)
    answers = []
    found = expect(lambda: answers.extend(call), Code.INVALID_ARGUMENT)
    true(found.violations, "no field violations")
    # grpcio gives up unread answers when the call fails, so only their number may differ.
    true(all(answer.offset == first for answer in answers), "wrong offset")
    equal(c.root.end(), first + 1, "only the request before the failure was appended; end")


@check
def inline_failures_keep_the_stream_open(c):
    first = c.root.end()

    def request(**fields):
        return log_pb2.ProduceRequest(inline_failures=True, **fields)

    good = log_pb2.Record(value=b"good")
    requests = [request(record=good), request(), request(record=log_pb2.Record(type=7)),
                request(record=log_pb2.Record(value=bytes((1 << 20) + 1))), request(log="other", record=good),
                request(records=[good, good])]
    answers = list(c.root.log.ProduceStream(iter(requests), timeout=LONG))
    codes = [answer.failure.code for answer in answers]
    equal(codes, [0, 3, 3, 3, 5, 0], "codes")
    equal(answers[3].failure.reason, "RECORD_TOO_LARGE")
    equal(dict(answers[3].failure.metadata), {"limit": str(1 << 20), "size": str((1 << 20) + 1)})
    equal(answers[4].failure.reason, "LOG_NOT_FOUND")
    true(all(answer.failure.message for answer in answers[1:5]), "a failure without a message")
    equal((answers[0].offset, answers[5].offset, answers[5].last_offset), (first, first + 1, first + 2))


@check
def a_consume_stream_follows_the_tail(c):
    first = c.root.end()
    c.root.produce(b"before")
    stream = c.root.stream(offset=first)
    equal(next(stream).record.value, b"before")
    for n in range(20):
        c.root.produce(b"after %d" % n)
        equal(next(stream).record.value, b"after %d" % n)
    stream.cancel()


@check
def a_consume_stream_waits_at_offsets_not_yet_there(c):
    end = c.root.end()
    stream = c.root.stream(offset=end + 2)
    c.root.produce(b"0", b"1", b"2", b"3")
    equal([next(stream).record.offset, next(stream).record.offset], [end + 2, end + 3])
    stream.cancel()


@check
def streams_of_single_records_and_of_batches_give_the_same(c):
    end = c.root.end()
    singles = c.root.values(stop=log_pb2.STOP_END)
    batches = c.root.values(stop=log_pb2.STOP_END, max_records=1000)
    equal((len(singles), singles == batches), (end, True))


# Where reading starts and stops


@check
def every_start_begins_where_it_says(c):
    end = c.root.end()

    def first(**request):
        return records(c.root.consume(**request))[0].offset

    equal(first(start=log_pb2.START_OFFSET, offset=2), 2, "offset")
    equal(first(start=log_pb2.START_EARLIEST, offset=77), 0, "earliest")
    equal(first(start=log_pb2.START_LATEST), end - 1, "latest")
    equal(first(start=log_pb2.START_TAIL, offset=4), end - 4, "tail")
    equal(first(start=log_pb2.START_TAIL, offset=end + 1000), 0, "tail longer than the log")
    expect(lambda: c.root.consume(start=log_pb2.START_NEXT), Code.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE")
    stream = c.root.stream(start=log_pb2.START_NEXT, heartbeat_ms=10)
    true(next(stream).heartbeat, "something before the next record")
    c.root.produce(b"the next")
    response = next(message for message in stream if not message.heartbeat)
    equal((response.record.value, response.record.offset), (b"the next", end))
    stream.cancel()


@check
def start_timestamp_is_the_first_record_at_or_after_it(c):
    middle = now() + 60_000_000_000  # records of other checks lie before it
    first = c.root.end()
    for second in (0, 10, 20):
        c.root.produce(b"t", timestamp_unix_nano=middle + second * 1_000_000_000)

    def start(stamp):
        return c.root.consume(start=log_pb2.START_TIMESTAMP, start_timestamp_unix_nano=stamp).record.offset

    equal(start(middle), first, "exactly")
    equal(start(middle + 1), first + 1, "between")
    equal(start(middle + 20_000_000_000), first + 2, "the last")
    equal(start(1), 0, "before all")
    expect(lambda: start(middle + 21_000_000_000), Code.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE")


@check
def find_offset_answers_as_start_timestamp(c):
    last = c.root.consume(start=log_pb2.START_LATEST).record
    found = c.root.logs.FindOffset(
        log_pb2.FindOffsetRequest(timestamp_unix_nano=last.timestamp_unix_nano), timeout=LONG)
    equal((found.offset, found.timestamp_unix_nano, found.at_end),
          (last.offset, last.timestamp_unix_nano, False))
    beyond = c.root.logs.FindOffset(
        log_pb2.FindOffsetRequest(timestamp_unix_nano=last.timestamp_unix_nano + 1), timeout=LONG)
    equal((beyond.offset, beyond.at_end), (c.root.end(), True))


@check
def every_stop_ends_where_it_says(c):
    first = c.root.end()
    base = now() + 120_000_000_000  # after every timestamp so far
    for n in range(6):
        c.root.produce(b"%d" % n, timestamp_unix_nano=base + n)
    for many in (0, 100):
        got = c.root.values(offset=first, stop=log_pb2.STOP_END, max_records=many)
        equal(len(got), 6, "until the end")
        got = c.root.values(offset=first, stop=log_pb2.STOP_OFFSET, stop_offset=first + 4, max_records=many)
        equal(len(got), 4, "until an offset")
        got = c.root.values(offset=first, stop=log_pb2.STOP_TIMESTAMP, stop_timestamp_unix_nano=base + 3,
                            max_records=many)
        equal(len(got), 3, "until a time")
    equal(c.root.values(offset=first, stop=log_pb2.STOP_OFFSET, stop_offset=first), [], "nothing to give")
    equal(c.root.values(start=log_pb2.START_NEXT, stop=log_pb2.STOP_END), [], "nothing after the end")


@check
def wait_ms_holds_an_empty_answer(c):
    end = c.root.end()
    begun = time.monotonic()
    empty = c.root.consume(offset=end, wait_ms=150)
    took = time.monotonic() - begun
    true(0.14 <= took < 5, f"an empty answer after {took:.3f} s")
    equal((records(empty), empty.next_offset, empty.end_offset), ([], end, end))
    waiting = c.root.log.Consume.future(log_pb2.ConsumeRequest(offset=end, wait_ms=15_000), timeout=LONG)
    time.sleep(0.05)  # let it wait; a call that comes too late is answered all the same
    true(not waiting.done(), "answered although nothing is there")
    begun = time.monotonic()
    c.root.produce(b"awaited")
    equal(waiting.result(timeout=LONG).record.value, b"awaited")
    true(time.monotonic() - begun < 5, "the record did not end the wait")


@check
def heartbeats_tell_the_position_when_idle(c):
    end = c.root.end()
    stream = c.root.stream(offset=end, heartbeat_ms=20)
    beats = [next(stream) for _ in range(3)]
    for beat in beats:
        equal((beat.heartbeat, records(beat), beat.next_offset, beat.end_offset), (True, [], end, end))
    stream.cancel()
    silent = c.root.stream(offset=end)
    c.root.produce(b"x")
    true(not next(silent).heartbeat, "a heartbeat that nobody asked for")
    silent.cancel()


@check
def key_filter_gives_exact_matches_only(c):
    first = c.root.end()
    for n in range(9):
        c.root.produce(b"v%d" % n, key=[b"red", b"re", b"reddish"][n % 3])
    for many in (0, 100):
        got = c.root.values(offset=first, key_filter=b"red", stop=log_pb2.STOP_END, max_records=many)
        equal(got, [b"v0", b"v3", b"v6"])
    response = c.root.consume(offset=first + 1, key_filter=b"red", max_records=100)
    equal([record.value for record in response.records], [b"v3", b"v6"])
    equal(response.next_offset, first + 9, "next_offset covers what was filtered out")
    none = c.root.consume(offset=first, key_filter=b"blue", max_records=100)
    equal((records(none), none.next_offset), ([], first + 9), "no match")


@check
def omit_values_keeps_everything_else(c):
    answer = c.root.produce(b"hidden", key=b"k", headers=[log_pb2.Header(name="h", value=b"v")])
    for many in (0, 10):
        record = records(c.root.consume(offset=answer.offset, omit_values=True, max_records=many))[0]
        equal((record.value, record.key, record.offset, len(record.headers)), (b"", b"k", answer.offset, 1))


@check
def on_truncated_changes_nothing_on_a_whole_log(c):
    for policy in (log_pb2.ON_TRUNCATED_FAIL, log_pb2.ON_TRUNCATED_EARLIEST, log_pb2.ON_TRUNCATED_NEXT):
        response = c.root.consume(offset=0, on_truncated=policy)
        equal((response.record.offset, response.lost_records), (0, 0))


@check
def both_consistencies_are_served(c):
    for consistency in (log_pb2.READ_LOCAL, log_pb2.READ_LINEARIZABLE):
        equal(c.root.consume(offset=0, consistency=consistency).record.offset, 0)


# Other methods


@check
def get_servers_names_this_leader(c):
    response = c.root.log.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
    equal(len(response.servers), 1, "servers")
    server = response.servers[0]
    true(server.is_leader and server.reachable, "not a reachable leader")
    equal((server.id, response.leader_id, server.role), ("node1", "node1", log_pb2.SERVER_ROLE_VOTER))
    true(server.rpc_addr and response.cluster_id, "no address or no cluster id")
    equal(server.rpc_addr, c.server.address, "the advertised address")


@check
def describe_log_and_list_logs_agree(c):
    info = c.root.logs.DescribeLog(log_pb2.DescribeLogRequest(name="default"), timeout=LONG)
    equal((info.name, info.start_offset), ("default", 0))
    true(info.bytes > 0 and info.segments >= 1 and info.instance_id, "bytes, segments or instance id")
    equal(info.config.max_record_bytes, 1 << 20, "max_record_bytes")
    listed = c.root.logs.ListLogs(log_pb2.ListLogsRequest(), timeout=LONG).logs
    equal([log.name for log in listed], ["default"])
    equal(listed[0].end_offset, info.end_offset)
    equal(len(c.root.logs.ListLogs(log_pb2.ListLogsRequest(prefix="def"), timeout=LONG).logs), 1)
    equal(len(c.root.logs.ListLogs(log_pb2.ListLogsRequest(prefix="x"), timeout=LONG).logs), 0)


@check
def health_check_and_watch_say_serving(c):
    serving = health_pb2.HealthCheckResponse.SERVING
    for client in (c.root, c.nobody):
        for service in ("", "log.v1.Log"):
            request = health_pb2.HealthCheckRequest(service=service)
            equal(client.health.Check(request, timeout=LONG).status, serving, f"health of {service!r}")
            watch = client.health.Watch(request, timeout=LONG)
            equal(next(watch).status, serving, f"watch of {service!r}")
            watch.cancel()
    unknown = health_pb2.HealthCheckRequest(service="nobody.knows")
    expect(lambda: c.root.health.Check(unknown, timeout=LONG), Code.NOT_FOUND)
    watch = c.root.health.Watch(unknown, timeout=LONG)
    equal(next(watch).status, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
    watch.cancel()


@check
def every_method_of_the_descriptor_is_implemented(c):
    called = 0
    for file in (log_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR):
        for service in file.services_by_name.values():
            for method in service.methods:
                code = call_any(c.root.channel, f"/{service.full_name}/{method.name}", method)
                true(code is not Code.UNIMPLEMENTED, f"{service.full_name}/{method.name} is not implemented")
                called += 1
    true(called >= 10, f"only {called} methods found")


def call_any(channel, path, method):
    """Calls a method with an empty request and gives the code it ends with, or CANCELLED for an endless one."""
    kind = ("stream" if method.client_streaming else "unary") + "_" + (
        "stream" if method.server_streaming else "unary")
    call = getattr(channel, kind)(path, request_serializer=bytes, response_deserializer=bytes)
    request = iter([b""]) if method.client_streaming else b""
    try:
        answer = call(request, timeout=LONG)
        if method.server_streaming:
            for _ in answer:
                answer.cancel()
        return Code.OK
    except grpc.RpcError as error:
        return error.code()


@check
def an_unknown_method_is_unimplemented(c):
    for path in ("/log.v1.Log/Nothing", "/nobody.Knows/It", "/log.v1.Log/produce"):
        call = c.root.channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
        expect(lambda call=call: call(b"", timeout=LONG), Code.UNIMPLEMENTED)


@check
def many_calls_share_one_connection(c):
    first = c.root.end()
    calls = [c.root.log.Produce.future(
        log_pb2.ProduceRequest(record=log_pb2.Record(value=b"m%d" % n)), timeout=LONG) for n in range(500)]
    offsets = {call.result(timeout=LONG).offset: n for n, call in enumerate(calls)}
    equal(sorted(offsets), list(range(first, first + 500)), "offsets")
    got = c.root.values(offset=first, max_records=1000, stop=log_pb2.STOP_END)
    equal(got == [b"m%d" % offsets[first + n] for n in range(500)], True, "each at the offset it was told")


@check
def concurrent_producers_and_consumers_agree(c):
    first = c.root.end()
    acknowledged, lock = {}, threading.Lock()

    def produce(name):
        values = [b"%d-%d" % (name, n) for n in range(100)]
        requests = (log_pb2.ProduceRequest(record=log_pb2.Record(value=value)) for value in values)
        for value, answer in zip(values, c.root.log.ProduceStream(requests, timeout=LONG)):
            with lock:
                acknowledged[answer.offset] = value

    seen = [[] for _ in range(3)]

    def consume(into):
        stream = c.root.stream(offset=first, max_records=50)
        for response in stream:
            into += [(record.offset, record.value) for record in records(response)]
            if len(into) >= 400:
                break
        stream.cancel()

    threads = [threading.Thread(target=consume, args=(into,)) for into in seen]
    threads += [threading.Thread(target=produce, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    equal(len(acknowledged), 400, "acknowledged")
    for into in seen:
        equal(into == sorted(acknowledged.items()), True, "a consumer saw what was acknowledged, in order")


@check
def the_server_has_logged_no_error(c):
    bad = [line for line in c.server.log().splitlines() if '"level":"error"' in line or '"level":"critical"' in line]
    equal(bad, [], "error lines")


if __name__ == "__main__":
    sys.exit(contract.main(check, 150))
