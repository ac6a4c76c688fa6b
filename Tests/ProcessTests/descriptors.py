"""A server whose file descriptors run out by connections.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: descriptors.py [NAME...]
"""

import pathlib
import resource
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import servers
import stubs
from checks import equal, true, within
from rawgrpc import Connection
from stubs import log_pb2, log_pb2_grpc

check = checks.Checks()
LONG = 30
RESERVE = 128  # descriptors the server keeps for itself, see docs/operations.md
MOST_CPU = 0.05  # of one core, while nothing can be accepted


def limited(workspace, limit, data):
    server = workspace.server("--storage-segment-bytes", "1MiB", data=data)
    server.wrapper = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh"]
    return server


def produce(log, size=1000, records=1):
    values = [log_pb2.Record(value=bytes(size))] * records
    return log.Produce(log_pb2.ProduceRequest(records=values), timeout=LONG)


def open_sockets(server, count):
    """TCP connections that say nothing."""
    return [socket.create_connection((server.host, server.port), timeout=LONG) for _ in range(count)]


def cpu_share(server, seconds):
    """CPU time by time, of one core."""
    begun, used = time.monotonic(), server.cpu_seconds()
    time.sleep(seconds)  # what is measured is a stretch of time
    return (server.cpu_seconds() - used) / (time.monotonic() - begun)


def close_all(connections):
    for one in connections:
        one.close()


@check
def a_limit_too_low_to_serve_is_refused_with_the_remedy(workspace):
    server = limited(workspace, 64, "low")
    try:
        server.start()
    except AssertionError:
        equal(server.process.returncode, 78, "exit code")
        true("LimitNOFILE" in server.log(), server.log())
        return
    raise AssertionError("started with 64 descriptors")


@check
def connections_over_the_limit_are_closed_and_the_others_live(workspace):
    limit = 200
    server = limited(workspace, limit, "limit").start()
    most = limit - 2 - RESERVE
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        produce(log)
        crowd = open_sockets(server, most + 50)
        within(10, lambda: server.open_descriptors() >= most, "the crowd is there")
        refused = [one for one in crowd if closed_by_peer(one)]
        true(len(refused) >= 50, f"only {len(refused)} of {len(crowd)} were closed, for {most} places")
        # The log still rolls: the reserve is not for connections.
        before = len(list(server.data.glob("logs/*/*.store")))
        for _ in range(40):
            produce(log, size=100_000)
        true(len(list(server.data.glob("logs/*/*.store"))) >= before + 3, "no segment was begun")
        share = cpu_share(server, 1)
        true(share < MOST_CPU, f"{share:.1%} of a core with nothing to do")
        close_all(crowd)
        within(10, lambda: answers(server, workspace), "a new connection is served")
        produce(log)
    equal(server.terminate(), 0, "exit code")


def closed_by_peer(connection):
    connection.settimeout(0.02)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def answers(server, workspace):
    try:
        with Connection(server.address, workspace.certificate("root"), timeout=2) as connection:
            request = log_pb2.ProduceRequest(record=log_pb2.Record(value=b"fresh")).SerializeToString()
            return connection.reply(connection.start("/log.v1.Log/Produce", request)).status == 0
    except OSError:
        return False


@check
def accepting_backs_off_when_there_is_no_descriptor(workspace):
    server = workspace.server("--storage-segment-bytes", "64MiB", data="none").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        produce(log)
        before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        now = server.open_descriptors()
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (now + 3, before[1]))
        crowd = open_sockets(server, 20)  # the kernel takes them; the server gets three
        within(10, lambda: server.open_descriptors() == now + 3, "the descriptors are used up")
        share = cpu_share(server, 2)
        true(share < MOST_CPU, f"{share:.1%} of a core while nothing can be accepted")
        begun = time.monotonic()
        for _ in range(50):
            produce(log)
        true(time.monotonic() - begun < 5, "calls on an open connection are slow")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        within(10, lambda: server.open_descriptors() >= now + 20, "those that waited are accepted")
        true(answers(server, workspace), "a new connection is served")
        close_all(crowd)
        within(10, lambda: server.open_descriptors() <= now + 1, "the descriptors come back")
        print(f"{share:.1%} of a core with 17 connections waiting and no descriptor")
    true("Fatal error" not in server.log(), server.log()[-1000:])
    equal(server.terminate(), 0, "exit code")


def main():
    checks.give_up_after(120)
    with servers.Workspace() as workspace:
        code = check.run(workspace, only=sys.argv[1:])
        if code:
            for server in workspace.servers:
                print(f"--- {server.data.name}\n{server.log()[-1500:]}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
