"""A server over a log whose first records were removed.

    truncated_log.py DATA START END

DATA is a data folder whose log holds the records START ..< END, each with its offset as its value.
Prints `ok <name>` or `FAIL <name>: <why>` for each check.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import contract
import servers
from checks import equal
from stubs import expect, log_pb2

Code = grpc.StatusCode
check = checks.Checks()


@check
def what_was_removed_is_out_of_range(c, start, end):
    for offset in (0, start - 1):
        expected = {"offset": offset, "start": start}
        expect(lambda o=offset: c.root.consume(offset=o), Code.OUT_OF_RANGE, "OFFSET_TRUNCATED", expected)
        expect(lambda o=offset: list(c.root.stream(offset=o)), Code.OUT_OF_RANGE, "OFFSET_TRUNCATED", expected)
    expect(lambda: c.root.consume(offset=end), Code.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE",
           {"offset": end, "start": start, "end": end})


@check
def what_was_kept_is_served(c, start, end):
    found = c.root.values(start=log_pb2.START_EARLIEST, stop=log_pb2.STOP_END, max_records=100)
    equal(found, [b"%d" % offset for offset in range(start, end)])
    equal(c.root.consume(offset=start).start_offset, start, "start_offset")
    info = c.root.logs.DescribeLog(log_pb2.DescribeLogRequest(), timeout=contract.LONG)
    equal((info.start_offset, info.end_offset), (start, end))


@check
def on_truncated_goes_on_and_counts_what_is_lost(c, start, end):
    first = c.root.consume(offset=1, on_truncated=log_pb2.ON_TRUNCATED_EARLIEST)
    equal((first.record.offset, first.lost_records), (start, start - 1))
    stream = c.root.stream(offset=1, on_truncated=log_pb2.ON_TRUNCATED_EARLIEST)
    responses = [next(stream), next(stream)]
    equal([(one.record.offset, one.lost_records) for one in responses], [(start, start - 1), (start + 1, 0)])
    stream.cancel()


@check
def on_truncated_next_waits_for_what_comes(c, start, end):
    stream = c.root.stream(offset=1, on_truncated=log_pb2.ON_TRUNCATED_NEXT, heartbeat_ms=20)
    equal((next(stream).next_offset), end, "position")
    equal(c.root.produce(b"new").offset, end, "offset")
    response = next(message for message in stream if not message.heartbeat)
    equal((response.record.value, response.lost_records), (b"new", end - 1))
    stream.cancel()


def main():
    data, start, end = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    checks.give_up_after(60)
    with servers.Workspace() as workspace:
        server = workspace.server(data=data).start()
        code = check.run(contract.Context(server, workspace), start, end)
        checks.equal(server.terminate(), 0, "exit code")
    return code


if __name__ == "__main__":
    sys.exit(main())
