"""Kills a real server with -9 again and again while producers write, and judges the log after each restart.

    kill_rounds.py [--rounds N] [--seed S] [--segment SIZE] [--control]

Each round: producers (streams of single records, streams and calls of batches) write while the server lives for a
random time; it is killed in the middle; it starts again on the same data folder; what it holds is read back. Nothing
that was acknowledged may be missing or moved, offsets are dense, nothing is there twice, batches are whole.

The control takes the last frames out of the store before the restart, as a disk that forgets would: the rounds are
worth something only if that is found, by the server or by the judge.
"""

import argparse
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import datafolder
import servers
import stubs
from history import History, judge
from stubs import log_pb2, log_pb2_grpc

LONG = 30  # seconds


class Producer:
    """One connection that writes until the server is gone."""

    # UNAVAILABLE is the killed server. Everything else would be an answer that should not have been given.
    expected = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

    def __init__(self, name, seed, history, in_batches, in_calls):
        self.name, self.history = name, history
        self.in_batches, self.in_calls = in_batches, in_calls
        self.random = random.Random(seed)
        self.sequence = 0
        self.acknowledged = 0
        self.unanswered = 0
        self.problem = None

    def start(self, server, credentials):
        self.unanswered = 0
        self.thread = threading.Thread(target=self._run, args=(server.address, credentials), daemon=True)
        self.thread.start()

    def _run(self, address, credentials):
        try:
            with stubs.channel(address, credentials) as channel:
                (self._calls if self.in_calls else self._stream)(log_pb2_grpc.LogStub(channel))
        except grpc.RpcError as error:
            if error.code() not in self.expected:
                self.problem = f"producer {self.name}: {error.code()} {error.details()}"
        except Exception as error:
            self.problem = f"producer {self.name}: {error!r}"

    def _values(self):
        """The next request: usually small, now and then large."""
        count = self.random.randint(2, 40) if self.in_batches else 1
        values = []
        for _ in range(count):
            size = self.random.choice((0, 10, 100, 1000)) if self.random.random() < 0.98 else 50_000
            values.append(b"%s:%d:" % (self.name.encode(), self.sequence) + b"x" * size)
            self.sequence += 1
        self.history.sent(values)
        return values

    def _request(self, values):
        records = [log_pb2.Record(value=value) for value in values]
        if len(records) == 1:
            return log_pb2.ProduceRequest(record=records[0])
        return log_pb2.ProduceRequest(records=records)

    def _answered(self, values, answer):
        if answer.last_offset - answer.offset != len(values) - 1:
            raise AssertionError(f"{len(values)} records at {answer.offset}...{answer.last_offset}")
        self.history.acked(values, answer.offset)
        self.acknowledged += len(values)

    def _calls(self, log):
        while True:
            values = self._values()
            self.unanswered = 1
            self._answered(values, log.Produce(self._request(values), timeout=LONG))
            self.unanswered = 0

    def _stream(self, log):
        waiting, room = [], threading.Semaphore(64)

        def requests():
            while room.acquire(timeout=LONG):
                values = self._values()
                waiting.append(values)
                yield self._request(values)

        try:
            for place, answer in enumerate(log.ProduceStream(requests())):
                self._answered(waiting[place], answer)
                self.unanswered = len(waiting) - place - 1
                waiting[place] = None
                room.release()
        finally:
            room.release()


class Reader:
    """Reads the log back: what is new after each round, everything at the end."""

    def __init__(self, workspace):
        self.credentials = workspace.certificate("root")

    def read(self, server, first):
        found = []
        with self._channel(server) as channel:
            request = log_pb2.ConsumeRequest(
                offset=first, stop=log_pb2.STOP_END, max_records=10_000, max_bytes=1 << 20)
            for response in log_pb2_grpc.LogStub(channel).ConsumeStream(request, timeout=120):
                found += [(record.offset, record.value) for record in response.records]
        return found

    def start(self, server):
        """The lowest offset that the log has."""
        with self._channel(server) as channel:
            return log_pb2_grpc.LogsStub(channel).DescribeLog(log_pb2.DescribeLogRequest(), timeout=LONG).start_offset

    def read_kept(self, server):
        """The log's start and all records from there, though retention may move it meanwhile."""
        for _ in range(20):
            start = self.start(server)
            try:
                return start, self.read(server, start)
            except grpc.RpcError as error:
                checks.equal(error.code(), grpc.StatusCode.OUT_OF_RANGE, "code of a read")
        raise AssertionError("the log's start never rests")

    def _channel(self, server):
        return stubs.channel(server.address, self.credentials, **{"grpc.max_receive_message_length": -1})


class Run:
    def __init__(self, workspace, options):
        self.random = random.Random(options.seed)
        self.server = workspace.server("--storage-segment-bytes", options.segment)
        self.credentials = workspace.certificate("root")
        self.history = History()
        self.reader = Reader(workspace)
        self.log = []
        self.rounds_with_loss = 0
        kinds = [(False, False), (True, False), (False, True), (True, True)]
        self.producers = [Producer(f"p{n}", options.seed * 100 + n, self.history, *kinds[n % 4]) for n in range(4)]

    def round(self, sabotage=lambda: None):
        """One life of the server."""
        before = sum(producer.acknowledged for producer in self.producers)
        for producer in self.producers:
            producer.start(self.server, self.credentials)
        checks.within(20, lambda: sum(p.acknowledged for p in self.producers) > before + 20, "20 acknowledgements")
        time.sleep(self.random.uniform(0, 0.5))  # not a signal: the moment of the kill is what varies
        self.server.kill()
        for producer in self.producers:
            producer.thread.join(LONG)
            checks.true(not producer.thread.is_alive(), f"{producer.name} hangs after the kill")
            checks.true(producer.problem is None, producer.problem)
        if any(producer.unanswered for producer in self.producers):
            self.rounds_with_loss += 1
        sabotage()
        self.server.start()
        self.log += self.reader.read(self.server, len(self.log))
        self.fail_if(judge(self.history, self.log))

    def forget_last_frames(self):
        """Cuts acknowledged frames off the log's end, without a trace in the file."""
        highest = max(self.history.acknowledged.values())
        # The newest segment may hold only what the kill left without an answer.
        segment, acknowledged = [
            (one, found) for one in datafolder.segments(self.server.data)
            if (found := [at for at, base, _, _ in one.frames()[1:] if base <= highest])][-1]
        size = segment.store.stat().st_size
        with open(segment.store, "r+b") as file:
            file.truncate(acknowledged[-1])
            file.truncate(size)
        for later in datafolder.segments(self.server.data):
            if later.base_offset > segment.base_offset:
                later.store.unlink()
                later.index.unlink()

    def fail_if(self, faults):
        if faults:
            print(self.server.log()[-3000:], file=sys.stderr)
            raise AssertionError("; ".join(faults))


def control(run):
    """The rounds must fail when the log forgets what it acknowledged."""
    run.server.start()
    run.round()
    try:
        run.round(run.forget_last_frames)
    except AssertionError as error:
        print(f"found, as it must be: {checks.first_line(error)}")
        print("ok control")
        return 0
    raise AssertionError("frames were taken out of the log and nobody saw it")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--segment", default="1MiB", help="small, so that segments roll under load")
    parser.add_argument("--control", action="store_true", help="must find a log that forgets")
    options = parser.parse_args()
    checks.give_up_after(60 + 10 * options.rounds)
    with servers.Workspace() as workspace:
        run = Run(workspace, options)
        if options.control:
            return control(run)
        run.server.start()
        begun = time.monotonic()
        for number in range(1, options.rounds + 1):
            run.round()
            print(f"ok round {number}", flush=True)
        run.fail_if(judge(run.history, run.reader.read(run.server, 0)))
        checks.equal(run.server.terminate(), 0, "exit code after SIGTERM")
        acknowledged = len(run.history.acknowledged)
        print(f"{options.rounds} rounds of kill -9, seed {options.seed}: {acknowledged} records acknowledged, "
              f"{len(run.log)} in the log, 0 lost, dense, nothing twice; calls were in flight in "
              f"{run.rounds_with_loss} rounds; {(time.monotonic() - begun) / options.rounds:.1f} s a round")
        # A round in which nothing was under way proves nothing.
        checks.true(run.rounds_with_loss * 2 >= options.rounds, "too few rounds hit calls in flight")
    print("ok all_rounds", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
