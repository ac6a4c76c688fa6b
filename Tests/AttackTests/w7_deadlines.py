"""W7: deadlines. Work ends at them, and no record is both appended and said not to be.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: w7_deadlines.py [--strict] [--long] [NAME...]
"""

import collections
import random
import sys

import attack
import checks
from attack import CONSUME, CONSUME_STREAM, PRODUCE, PRODUCE_STREAM
from checks import equal, true
from stubs import log_pb2

OK, DEADLINE_EXCEEDED = 0, 4
SEED = 20261126
check = checks.Checks()


@check
def a_produce_past_its_deadline_is_never_a_phantom(target):
    """Definitely failed = DEADLINE_EXCEEDED without the reason OUTCOME_UNKNOWN. Such a record is not in the log."""
    rng, count = random.Random(SEED), 20_000 if attack.LONG else 1_500
    answers = {}
    for batch in range(0, count, 50):
        with target.connect(timeout=30) as connection:
            streams = {}
            for number in range(batch, batch + 50):
                record = log_pb2.Record(value=b"deadline %d" % number, key=b"w7")
                request = log_pb2.ProduceRequest(record=record).SerializeToString()
                timeout = rng.choice(("0n", "%dn" % rng.randint(0, 1000), "%du" % rng.randint(1, 3000), "%dm" % rng.randint(1, 20)))
                streams[number] = connection.start(PRODUCE, request, True, ("grpc-timeout", timeout))
            for number, stream in streams.items():
                reply = connection.reply(stream, 30)
                unknown = "OUTCOME_UNKNOWN" in decoded(reply.header("grpc-status-details-bin"))
                answers[number] = (reply.status, unknown)
    records = log_of(target)
    found = collections.Counter(records)
    wrong = [f"{number}: {answers[number]}, {found[b'deadline %d' % number]} times in the log"
             for number, (status, unknown) in answers.items()
             if found[b"deadline %d" % number] not in allowed(status, unknown)]
    kinds = {kind: sum(1 for answer in answers.values() if answer == kind) for kind in set(answers.values())}
    attack.figure(f"seed {SEED}: answers {kinds}, {len(records)} records in the log")
    true(not wrong, f"seed {SEED}: {wrong[:5]}")
    true(kinds.keys() >= {(OK, False), (DEADLINE_EXCEEDED, False)}, f"says nothing without both outcomes: {kinds}")
    target.fresh_call()


def allowed(status, unknown):
    """How often a record may be in the log."""
    if status == OK:
        return (1,)
    return (0, 1) if unknown else (0,)


def decoded(text):
    import base64
    return base64.b64decode((text or "") + "=" * (-len(text or "") % 4)).decode("latin-1")


def log_of(target):
    with target.connect(timeout=30) as connection:
        last = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"last")).SerializeToString()
        equal(connection.reply(connection.start(PRODUCE, last)).status, OK, "status")
        request = log_pb2.ConsumeRequest(offset=0, stop=log_pb2.STOP_END, max_records=1000).SerializeToString()
        reply = connection.reply(connection.start(CONSUME_STREAM, request), 60)
        equal(reply.status, OK, "status of reading the log")
        return [record.value for octets in reply.messages for record in log_pb2.ConsumeResponse.FromString(octets).records]


@check
def work_ends_at_the_deadline(target):
    """250 calls that wait for records end at their deadline, and cost nothing after it."""
    before = target.server.resident_bytes()
    request = log_pb2.ConsumeRequest(start=log_pb2.START_NEXT, wait_ms=60_000, heartbeat_ms=1).SerializeToString()
    with target.connect(timeout=30) as connection:
        streams = [connection.start((CONSUME, CONSUME_STREAM)[n % 2], request, True, ("grpc-timeout", "300m")) for n in range(250)]
        codes = {connection.reply(stream, 20).status for stream in streams}
        equal(codes, {DEADLINE_EXCEEDED}, "codes")
        target.at_base(before)
        equal(connection.reply(connection.start(attack.GET_SERVERS, b"")).status, OK, "status")


@check
def a_stream_of_requests_ends_at_its_deadline(target):
    with target.connect() as connection:
        stream = connection.open(PRODUCE_STREAM, ("grpc-timeout", "200m"))
        equal(connection.reply(stream).status, DEADLINE_EXCEEDED, "status of an idle stream")
        stream = connection.open(PRODUCE, ("grpc-timeout", "200m"))
        connection.data(stream, b"\0\0\0\0\x09half")
        equal(connection.reply(stream).status, DEADLINE_EXCEEDED, "status of half a message")
    target.fresh_call()


if __name__ == "__main__":
    sys.exit(attack.run(check))
