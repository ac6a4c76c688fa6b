"""Retention of a real server: its start moves while records come in, readers below it are told, a full disk is freed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import servers
import stubs
from checks import equal, true, within
from ext4 import MOUNT, namespace, namespace_possible
from stubs import expect, log_pb2, log_pb2_grpc

MIB = 1 << 20
LONG = 20
check = checks.Checks()


def record(size=100_000):
    return log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(size)))


def describe(channel):
    return log_pb2_grpc.LogsStub(channel).DescribeLog(log_pb2.DescribeLogRequest(), timeout=LONG)


@check
def the_start_moves_by_whole_segments_and_readers_below_are_told(workspace):
    server = workspace.server(
        "--storage-segment-bytes", "1MiB", "--logs-retention-bytes", "3MiB", data="bytes").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        for _ in range(100):
            log.Produce(record(), timeout=LONG)
        info = within(
            5, lambda: describe(channel) if describe(channel).bytes < 4.5 * MIB else None,
            "the log is its limit and less than a segment and a half long")
        true(info.start_offset >= 50 and info.end_offset == 100, f"holds {info}")
        true(info.bytes >= 3 * MIB, f"{info.bytes} bytes are kept")
        equal((info.config.retention_bytes, info.config.retention_ms), (3 * MIB, -1), "config")
        start = {"offset": 0, "start": info.start_offset}
        expect(lambda: log.Consume(log_pb2.ConsumeRequest(offset=0), timeout=LONG),
               grpc.StatusCode.OUT_OF_RANGE, "OFFSET_TRUNCATED", start)
        expect(lambda: list(log.ConsumeStream(log_pb2.ConsumeRequest(offset=0), timeout=LONG)),
               grpc.StatusCode.OUT_OF_RANGE, "OFFSET_TRUNCATED", start)
    true("retention removed the oldest segment" in server.log(), "the log does not tell")
    equal(server.terminate(), 0, "exit code")
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        again = describe(channel)
        equal((again.start_offset, again.end_offset), (info.start_offset, 100), "after a restart")
    equal(server.terminate(), 0, "exit code")


@check
def a_stream_that_fell_behind_the_start_ends_and_does_not_jump(workspace):
    server = workspace.server(
        "--storage-segment-bytes", "1MiB", "--logs-retention-bytes", "1MiB", data="behind").start()
    root = workspace.certificate("root")
    with stubs.channel(server.address, root) as reading, stubs.channel(server.address, root) as writing:
        log = log_pb2_grpc.LogStub(writing)
        for _ in range(40):
            log.Produce(record(), timeout=LONG)

        def opened():
            start = describe(writing).start_offset
            stream = log_pb2_grpc.LogStub(reading).ConsumeStream(log_pb2.ConsumeRequest(offset=start), timeout=60)
            try:
                return (start, stream, next(stream).record.offset) if start else None
            except grpc.RpcError:
                return None  # the start has moved meanwhile

        start, stream, first = within(10, opened, "segments go")
        equal(first, start, "first record")
        seen = [first]
        # Nothing is read meanwhile: what flow control lets through is far less than this.
        for _ in range(400):
            log.Produce(record(), timeout=LONG)
        within(10, lambda: describe(writing).start_offset > start + 300, "the start moves on")
        try:
            for answer in stream:
                seen.append(answer.record.offset)
            raise AssertionError("the stream ended as if nothing were missing")
        except grpc.RpcError as error:
            found = stubs.Failure(error)
        equal(seen, list(range(start, start + len(seen))), "offsets without a gap")
        equal((found.code, found.info.reason), (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_TRUNCATED"), "end")
        true(int(found.info.metadata["start"]) > seen[-1], "the start is told")
    equal(server.terminate(), 0, "exit code")


@check
def records_go_by_age_from_a_log_that_is_idle(workspace):
    server = workspace.server("--logs-retention-age", "2s", data="age").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        for _ in range(3):
            log.Produce(record(), timeout=LONG)
        true(describe(channel).start_offset == 0, "nothing goes early")
        within(8, lambda: describe(channel).start_offset == 3, "all records are gone")
        equal(log.Produce(record(), timeout=LONG).offset, 3, "the next offset")
        equal(describe(channel).config.retention_ms, 2000, "retention_ms")
    equal(server.terminate(), 0, "exit code")


@check
def a_full_disk_is_freed_by_retention(workspace):
    folder = workspace.path / "full"
    folder.mkdir()
    if not namespace_possible(folder):
        print("NOT TRIED: no mount namespace can be made here")
        return
    server = workspace.server(
        "--storage-segment-bytes", "1MiB", "--logs-retention-bytes", "8MiB", data="full/data")
    # Of 24 MiB a ballast takes 8, and an index and the next segment's reserve are taken besides.
    server.wrapper = [*namespace(), "sh", "-c", MOUNT, str(folder)]
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        refused = acknowledged = 0
        while acknowledged < 400:
            try:
                equal(log.Produce(record(200_000), timeout=LONG).offset, acknowledged, "offset")
                acknowledged += 1
            except grpc.RpcError as error:
                equal(stubs.Failure(error).info.reason, "DISK_FULL", "reason")
                refused += 1
                within(5, lambda: can_write(log, acknowledged), "writes go on")
                acknowledged += 1
        print(f"{acknowledged} records of 200 kB on 16 MiB, {refused} refusals")
    equal(server.terminate(), 0, "exit code")


def can_write(log, offset):
    try:
        equal(log.Produce(record(200_000), timeout=LONG).offset, offset, "offset")
        return True
    except grpc.RpcError:
        return False


if __name__ == "__main__":
    checks.give_up_after(120)
    with servers.Workspace() as shared:
        sys.exit(check.run(shared, only=sys.argv[1:]))
