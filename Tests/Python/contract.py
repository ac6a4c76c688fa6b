"""A stock grpcio client of one server, for the scripts that check the contract."""

import sys
import time

import checks
import servers
import stubs
from stubs import health_pb2_grpc, log_pb2, log_pb2_grpc

LONG = 20  # seconds; no call here may take longer


class Client:
    """The stubs of one identity on one connection."""

    def __init__(self, server, credentials):
        self.channel = stubs.channel(server.address, credentials)
        self.log = log_pb2_grpc.LogStub(self.channel)
        self.logs = log_pb2_grpc.LogsStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def produce(self, *values, **record):
        request = (log_pb2.ProduceRequest(record=log_pb2.Record(value=values[0], **record)) if len(values) == 1
                   else log_pb2.ProduceRequest(records=[log_pb2.Record(value=value, **record) for value in values]))
        return self.log.Produce(request, timeout=LONG)

    def consume(self, **request):
        return self.log.Consume(log_pb2.ConsumeRequest(**request), timeout=LONG)

    def stream(self, **request):
        return self.log.ConsumeStream(log_pb2.ConsumeRequest(**request), timeout=LONG)

    def end(self):
        return self.logs.DescribeLog(log_pb2.DescribeLogRequest(), timeout=LONG).end_offset

    def values(self, **request):
        """The values that a ConsumeStream gives, one or many in a response."""
        return [record.value for response in self.stream(**request) for record in records(response)]


class Context:
    def __init__(self, server, workspace):
        self.server = server
        self.root = Client(server, workspace.certificate("root"))
        self.nobody = Client(server, workspace.certificate("nobody"))


def records(response):
    return list(response.records) or ([response.record] if response.HasField("record") else [])


def now():
    return time.time_ns()


def main(check, seconds):
    """Runs the checks against a server of their own and gives the exit code."""
    checks.give_up_after(seconds)
    with servers.Workspace() as workspace:
        server = workspace.server("--log-format", "json").start()
        code = check.run(Context(server, workspace), only=sys.argv[1:])
        if code:
            print(server.log()[-4000:], file=sys.stderr)
    return code
