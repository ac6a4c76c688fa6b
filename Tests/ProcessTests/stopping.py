"""How a server stops: SIGTERM under load, a second one, what it leaves on disk.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: stopping.py [NAME...]
"""

import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import datafolder
import faults
import servers
import stubs
from checks import equal, true, within
from history import History, judge
from kill_rounds import Producer, Reader
from rawgrpc import Connection
from stubs import Failure, health_pb2, health_pb2_grpc, log_pb2, log_pb2_grpc

check = checks.Checks()
LONG = 30


class Call(threading.Thread):
    """A call in the background, and how it ended."""

    def __init__(self, body):
        super().__init__(daemon=True)
        self.body = body
        self.ended = None  # "ok", a Failure, or another error
        self.count = 0
        self.start()

    def run(self):
        try:
            self.body(self)
            self.ended = "ok"
        except grpc.RpcError as error:
            self.ended = Failure(error)
        except Exception as error:
            self.ended = error


def produce_for_ever(log):
    def requests():
        number = 0
        while True:
            number += 1
            yield log_pb2.ProduceRequest(record=log_pb2.Record(value=b"%d" % number + b"x" * 200))

    def body(call):
        for answer in log.ProduceStream(requests()):
            call.count = answer.offset + 1

    return Call(body)


def consume_for_ever(log):
    def body(call):
        for response in log.ConsumeStream(log_pb2.ConsumeRequest(max_records=100)):
            call.count += len(response.records)

    return Call(body)


def call_for_ever(log):
    def body(call):
        while True:
            call.count = log.Produce(
                log_pb2.ProduceRequest(record=log_pb2.Record(value=b"unary")), timeout=LONG).offset + 1

    return Call(body)


def fill(server, workspace, batches=20, size=20_000):
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        for _ in range(batches):
            records = [log_pb2.Record(value=bytes(size))] * 5
            answer = log.Produce(log_pb2.ProduceRequest(records=records), timeout=LONG)
    return answer.last_offset + 1


@check
def sigterm_under_load_ends_every_call_with_a_status_and_exits_0(workspace):
    server = workspace.server(data="load").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        calls = [make(log) for make in (produce_for_ever, consume_for_ever, call_for_ever) for _ in range(3)]
        health = health_pb2_grpc.HealthStub(channel)
        told = []
        watch = Call(lambda _: [told.append(answer.status) for answer in
                                health.Watch(health_pb2.HealthCheckRequest(), timeout=LONG)])
        within(20, lambda: all(call.count > 10 for call in calls) and told, "every call is at work")
        begun = time.monotonic()
        code = server.terminate(within=15)
        took = time.monotonic() - begun
        for call in [*calls, watch]:
            call.join(10)
            true(not call.is_alive(), "a call has no final status")
        equal(code, 0, "exit code")
        true(took < 4, f"stopping took {took:.1f} s, though nothing was slow")
    for call in calls:
        true(isinstance(call.ended, Failure), f"ended with {call.ended!r}")
        equal(call.ended.code, grpc.StatusCode.UNAVAILABLE, f"code ({call.ended.message})")
    drained = [call for call in calls if call.ended.info is not None]
    true(drained, "no call was told DRAINING")
    for call in drained:
        equal(call.ended.info.reason, "DRAINING")
        true(call.ended.retry is not None, "no RetryInfo")
    states = health_pb2.HealthCheckResponse
    equal(told, [states.SERVING, states.NOT_SERVING], "what a watch of the health is told")
    true(isinstance(watch.ended, Failure) and watch.ended.code is grpc.StatusCode.UNAVAILABLE, f"{watch.ended!r}")
    for segment in datafolder.segments(server.data):
        segment.check_index()
    highest = max(call.count for call in calls)
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        info = log_pb2_grpc.LogsStub(channel).DescribeLog(log_pb2.DescribeLogRequest(), timeout=LONG)
        true(info.end_offset >= highest, f"acknowledged up to {highest}, the log ends at {info.end_offset}")
    equal(server.terminate(), 0, "exit code of an idle server")


class Drained(Producer):
    """A producer whose server stops: it may be told that a record's fate is unknown."""

    expected = (*Producer.expected, grpc.StatusCode.ABORTED)


@check
def sigterm_under_load_loses_nothing_that_was_acknowledged(workspace):
    """By turns with a disk on which each sync takes 50 ms, so that records are on their way to it."""
    history, log = History(), []
    server = workspace.server("--storage-segment-bytes", "1MiB", data="acknowledged")
    slow = faults.Faults(workspace, server)
    reader, credentials = Reader(workspace), workspace.certificate("root")
    kinds = [(False, False), (True, False), (False, True), (True, True)]
    producers = [Drained(f"p{number}", number, history, *kinds[number]) for number in range(4)]
    rounds_in_flight = 0
    server.start()
    for delay in (0, 50_000_000, 0, 50_000_000):
        before = len(history.acknowledged)
        slow["delay"] = delay
        for producer in producers:
            producer.start(server, credentials)
        within(20, lambda: len(history.acknowledged) > before + 100, "100 acknowledgements")
        equal(server.terminate(within=10), 0, "exit code")
        for producer in producers:
            producer.thread.join(10)
            true(not producer.thread.is_alive(), f"{producer.name} has no final status")
            true(producer.problem is None, producer.problem)
        rounds_in_flight += any(producer.unanswered for producer in producers)
        slow["delay"] = 0
        server.start()
        log += reader.read(server, len(log))
        equal(judge(history, log), [], "faults of the log")
    true(rounds_in_flight > 0, "no stop hit a call in flight")
    equal(server.terminate(), 0, "exit code")


@check
def sigterm_leaves_indexes_that_end_at_their_last_entry(workspace):
    server = workspace.server("--storage-segment-bytes", "1MiB", data="indexes").start()
    end = fill(server, workspace, batches=40)
    equal(server.terminate(), 0, "exit code")
    segments = datafolder.segments(server.data)
    true(len(segments) >= 3, f"only {len(segments)} segments")
    for segment in segments:
        segment.check_index()
    equal(sum(count for segment in segments for _, _, count, _ in segment.frames()), end, "records in all frames")


@check
def files_and_folders_are_their_owners_only(workspace):
    server = workspace.server(data="modes").start()
    fill(server, workspace, batches=1)
    wrong = [f"{path.name}: {path.stat().st_mode & 0o777:o}" for path in [server.data, *server.data.rglob("*")]
             if path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)]
    equal(server.terminate(), 0, "exit code")
    equal(wrong, [], "modes")


@check
def an_idle_server_stops_at_once(workspace):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = workspace.server(data="idle").start()
        begun = time.monotonic()
        server.signal(number)
        equal(server.wait(10), 0, "exit code")
        true(time.monotonic() - begun < 3, "took too long")


def hold_open(connection):
    """A call that no drain can end early: its request never comes."""
    held = connection.open("/log.v1.Log/Produce")
    # Answered, so the call before it has arrived as well.
    equal(connection.reply(connection.start("/grpc.health.v1.Health/Check", b"")).status, 0, "status")
    return held


@check
def a_long_poll_does_not_hold_up_a_stop(workspace):
    server = workspace.server("--shutdown-drain", "25s", data="poll").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        request = log_pb2.ConsumeRequest(wait_ms=25_000)
        held = log_pb2_grpc.LogStub(channel).Consume.future(request, timeout=LONG)
        health = health_pb2_grpc.HealthStub(channel)
        health.Check(health_pb2.HealthCheckRequest(), timeout=LONG)  # the call before it has arrived as well
        begun = time.monotonic()
        equal(server.terminate(within=10), 0, "exit code")
        true(time.monotonic() - begun < 5, "took too long")
        within(10, held.done, "the held call has ended")
        equal(held.code(), grpc.StatusCode.UNAVAILABLE, "code")


@check
def a_second_sigterm_stops_at_once(workspace):
    server = workspace.server("--shutdown-drain", "25s", data="twice").start()
    with Connection(server.address, workspace.certificate("root")) as connection:
        hold_open(connection)
        server.signal()
        within(10, lambda: "draining" in server.log(), "the log says that it drains")
        begun = time.monotonic()
        server.signal()
        code = server.wait(10)
        true(time.monotonic() - begun < 3, "took too long")
        true(code == 130, f"exit code {code}")
        true(connection.until(lambda: connection.closed, 10), "the connection has ended")


@check
def a_drain_that_takes_too_long_is_ended(workspace):
    server = workspace.server("--shutdown-drain", "1s", data="slow").start()
    with Connection(server.address, workspace.certificate("root")) as connection:
        held = hold_open(connection)
        begun = time.monotonic()
        equal(server.terminate(within=10), 0, "exit code")
        true(time.monotonic() - begun < 8, "took too long")
        equal(connection.reply(held).status, grpc.StatusCode.UNAVAILABLE.value[0], "code")


@check
def a_restart_after_kill_cuts_nothing_that_was_acknowledged(workspace):
    server = workspace.server(data="cut").start()
    end = fill(server, workspace, batches=5)
    server.kill()
    # A torn write: the first bytes of a frame that was never acknowledged.
    last = datafolder.segments(server.data)[-1]
    at, _, _, body = last.frames()[-1]
    position = at + datafolder.FRAME_HEADER + body
    with open(last.store, "r+b") as file:
        header = file.seek(at) and file.read(60)
        file.seek(position)
        file.write(header)
    server.start()
    equal(fill(server, workspace, batches=1), end + 5, "end")
    true("torn" in server.log() or "cut" in server.log(), f"the log does not tell of the cut: {server.log()[-500:]}")
    equal(server.terminate(), 0, "exit code")


@check
def a_damaged_record_is_data_loss_and_the_others_are_served(workspace):
    server = workspace.server("--storage-segment-bytes", "1MiB", data="damaged").start()
    end = fill(server, workspace, batches=40)
    equal(server.terminate(), 0, "exit code")
    segment = datafolder.segments(server.data)[1]
    at, base, count, body = segment.frames()[2]
    with open(segment.store, "r+b") as file:
        file.seek(at + datafolder.FRAME_HEADER + body // 2)
        file.write(b"\xff")
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        found = stubs.expect(
            lambda: log.Consume(log_pb2.ConsumeRequest(offset=base), timeout=LONG),
            grpc.StatusCode.DATA_LOSS, "RECORD_CORRUPT")
        true(int(found.info.metadata["offset"]) in range(base, base + count), f"offset {found.info.metadata}")
        true(segment.store.name in found.info.metadata["segment"], f"segment {found.info.metadata}")
        for offset in (0, base - 1, base + count, end - 1):
            equal(log.Consume(log_pb2.ConsumeRequest(offset=offset), timeout=LONG).record.offset, offset)
    equal(server.terminate(), 0, "exit code")


def main():
    checks.give_up_after(150)
    with servers.Workspace() as workspace:
        code = check.run(workspace, only=sys.argv[1:])
        if code:
            for server in workspace.servers:
                print(f"--- {server.data.name}\n{server.log()[-1500:]}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
