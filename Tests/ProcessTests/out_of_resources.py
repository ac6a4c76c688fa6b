"""A real server that runs out of descriptors, mappings or space at its k-th call, from its first one on.

    out_of_resources.py [--what open|mmap|fallocate] [--calls 1-5,12 | --calls 1-50] [--once] [--seed S]

The library of Tests/Faults answers EMFILE to open, ENOMEM to mmap or ENOSPC to fallocate number k below the data folder
and, without --once, to all after it. The server either does not start, with exit code 74 and a message that names the
file, or serves: then writes that need the resource are refused with the reason, reads go on, and writes succeed again
within five seconds of its coming back, without a restart. Never a crash without a message, never a lost record.
"""

import argparse
import collections
import errno
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import faults
import servers
import stubs
from checks import equal, true
from disk_errors import numbers
from history import History, judge
from kill_rounds import Producer, Reader
from stubs import health_pb2, health_pb2_grpc, log_pb2, log_pb2_grpc

LONG = 30
LOAD_FOR = 1.5  # seconds in which call k should come; a round in which it does not is counted as such
RESUMED_WITHIN = 5.0
ROUNDS_A_FOLDER = 10
Code = grpc.StatusCode
WHAT = {
    "open": (faults.OPEN, errno.EMFILE, "TOO_MANY_FILES"),
    "mmap": (faults.MAP, errno.ENOMEM, "TOO_MANY_FILES"),
    "fallocate": (faults.RESERVE, errno.ENOSPC, "DISK_FULL"),
}


class Witness(Producer):
    """A producer that notes the reason of a refusal."""

    expected = (*Producer.expected, Code.RESOURCE_EXHAUSTED)


class Folder:
    def __init__(self, workspace, options, number):
        self.server = workspace.server("--storage-segment-bytes", "1MiB", data=f"data{number}")
        self.faults = faults.Faults(workspace, self.server)
        self.credentials = workspace.certificate("root")
        self.reader = Reader(workspace)
        self.history, self.log = History(), []
        self.producers = [
            Witness(f"p{n}", options.seed * 1000 + number * 10 + n, self.history, True, n % 2 == 1) for n in range(3)]
        self.extra = 0

    def acknowledged(self):
        return sum(producer.acknowledged for producer in self.producers)

    def produce(self, log):
        """One record, outside the load."""
        value = b"extra:%d:" % self.extra + bytes(100)
        self.extra += 1
        self.history.sent([value])
        offset = log.Produce(log_pb2.ProduceRequest(record=log_pb2.Record(value=value)), timeout=LONG).offset
        self.history.acked([value], offset)

    def judged(self):
        self.log += self.reader.read(self.server, len(self.log))
        found = judge(self.history, self.log)
        true(not found, "; ".join(found))


def refused_start(folder, what):
    """The server did not start: it must have said why."""
    said = folder.server.log()[folder.said:]
    equal(folder.server.process.returncode, 74, f"exit code of a start without {what}")
    name = pathlib.Path(folder.faults.path).name.removesuffix(".new") or "data"
    true("distlogd: " in said and name in said, f"a start without {what} of {name} says {said!r}")


def load(folder, rng):
    """Writes until the call has failed, or long enough; gives whether it came."""
    for producer in folder.producers:
        producer.start(folder.server, folder.credentials)
    end = time.monotonic() + LOAD_FOR
    while not folder.faults["faults"] and time.monotonic() < end and folder.server.process.poll() is None:
        time.sleep(0.002)
    came = folder.faults["faults"] > 0
    time.sleep(rng.uniform(0, 0.05))  # not a signal: what is refused meanwhile varies
    return came


def serves(folder, reason, lasting, came):
    """Refused with the reason while it lasts; reads go on; all is well within five seconds of its end."""
    with stubs.channel(folder.server.address, folder.credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        refused = 0
        if came and lasting:
            # What fits the segment is still taken; then each is refused.
            for _ in range(400):
                try:
                    folder.produce(log)
                except grpc.RpcError as error:
                    found = stubs.Failure(error)
                    true(found.info is not None and found.info.reason == reason, f"refused with {found.message!r}")
                    true(found.retry is not None, "no RetryInfo")
                    refused += 1
                    if refused == 3:
                        break
        if folder.history.acknowledged:
            equal(log.Consume(log_pb2.ConsumeRequest(offset=0), timeout=LONG).record.offset, 0, "offset read")
        state = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=LONG).status
        equal(state, health_pb2.HealthCheckResponse.SERVING, "health")
        folder.faults.disarm()
        begun = time.monotonic()
        while True:
            try:
                folder.produce(log)
                break
            except grpc.RpcError as error:
                if time.monotonic() - begun > RESUMED_WITHIN:
                    raise AssertionError(f"still refused {RESUMED_WITHIN} s later: {error.details()}") from error
                time.sleep(0.05)
        return refused, time.monotonic() - begun


def one_round(folder, call, options, rng, figures):
    kind, error, reason = WHAT[options.what]
    folder.said = len(folder.server.log())
    folder.faults.arm(kind, call, error, lasting=not options.once)
    try:
        folder.server.start()
    except AssertionError:
        refused_start(folder, options.what)
        figures["not started"] += 1
    else:
        came = load(folder, rng)
        true(folder.server.process.poll() is None, f"the server died with {folder.server.process.poll()}")
        figures["never came"] += not came
        refused, took = serves(folder, reason, not options.once, came)
        figures["refused"] += refused
        figures["came under load"] += came
        figures["slowest resumption, ms"] = max(figures["slowest resumption, ms"], int(took * 1000))
        stop_load(folder)
    figures["faults"] += folder.faults["faults"]
    folder.faults.disarm()
    true("Fatal error" not in folder.server.log()[folder.said:], "a crash")


def stop_load(folder):
    """Ends this life by SIGTERM; every producer gets a final status."""
    equal(folder.server.terminate(within=10), 0, "exit code")
    for producer in folder.producers:
        producer.thread.join(LONG)
        true(not producer.thread.is_alive(), f"{producer.name} has no final status")
        true(producer.problem is None, producer.problem)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", choices=list(WHAT), default="open")
    parser.add_argument("--calls", type=numbers, default="1,2,7,12")
    parser.add_argument("--once", action="store_true", help="only call k fails")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks.give_up_after(60 + 15 * len(options.calls))
    rng = random.Random(options.seed)
    figures, acknowledged, folder = collections.Counter(), 0, None
    begun = time.monotonic()
    with servers.Workspace() as workspace:
        for number, call in enumerate(options.calls):
            if number % ROUNDS_A_FOLDER == 0:
                folder = Folder(workspace, options, number // ROUNDS_A_FOLDER)
            try:
                one_round(folder, call, options, rng, figures)
                # Nothing is missing now: it starts, and everything is there.
                folder.server.start()
                folder.judged()
                with stubs.channel(folder.server.address, folder.credentials) as channel:
                    folder.produce(log_pb2_grpc.LogStub(channel))
                equal(folder.server.terminate(within=10), 0, "exit code")
            except Exception as error:
                print(folder.server.log()[-3000:], file=sys.stderr)
                raise AssertionError(f"{options.what} {call} ({folder.faults.path}): {error}") from error
            acknowledged = max(acknowledged, len(folder.history.acknowledged))
    told = ", ".join(f"{name}: {count}" for name, count in figures.items())
    print(f"{options.what}, {'once' if options.once else 'lasting'}, {len(options.calls)} rounds, seed {options.seed}: "
          f"{told}; {acknowledged} records acknowledged in the fullest log, 0 lost; "
          f"{(time.monotonic() - begun) / len(options.calls):.2f} s a round")
    true(figures["faults"] > 0 and acknowledged > 0, "no fault, or nothing acknowledged")
    true(figures["never came"] * 2 < len(options.calls), "most calls never came")
    print("ok out_of_resources")
    return 0


if __name__ == "__main__":
    sys.exit(main())
