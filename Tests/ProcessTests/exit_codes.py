"""Exit codes of `distlog-client` that only an unusual server or an interrupt brings about: 12, 70, 75, 76, 130, and of distlogd: 130."""

import pathlib
import signal
import subprocess
import sys
import threading
from concurrent import futures

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import servers
import stubs
from checks import equal, true, within
from stubs import log_pb2, log_pb2_grpc

Code = grpc.StatusCode
check = checks.Checks()


class Scripted(log_pb2_grpc.LogServicer):
    """A stock gRPC server that answers GetServers as it is told."""

    code = Code.OK

    def GetServers(self, request, context):
        context.abort(self.code, "as the script says")


def client(workspace, port, *arguments):
    root = workspace.certificate("root")
    return [servers.program("distlog-client"), "--servers", f"localhost:{port}", "--ca", root.ca, "--cert",
            root.certificate, "--key", root.key, "--timeout", "3s", *arguments]


@check
def each_status_of_a_server_has_its_code(workspace):
    node = workspace.certificate("node1")
    pair = (pathlib.Path(node.key).read_bytes(), pathlib.Path(node.certificate).read_bytes())
    server = grpc.server(futures.ThreadPoolExecutor(2))
    script = Scripted()
    log_pb2_grpc.add_LogServicer_to_server(script, server)
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([pair], pathlib.Path(node.ca).read_bytes(), True))
    server.start()
    for status, code in (
            (Code.FAILED_PRECONDITION, 12), (Code.INTERNAL, 70), (Code.UNAVAILABLE, 75), (Code.ABORTED, 75),
            (Code.DEADLINE_EXCEEDED, 75), (Code.UNAUTHENTICATED, 77), (Code.PERMISSION_DENIED, 77),
            (Code.UNIMPLEMENTED, 76), (Code.OUT_OF_RANGE, 11), (Code.DATA_LOSS, 1)):
        script.code = status
        done = subprocess.run(client(workspace, port, "servers"), capture_output=True, text=True, timeout=30)
        equal(done.returncode, code, f"exit code for {status.name} ({done.stderr})")
        true("as the script says" in done.stderr, done.stderr)
    server.stop(0)


@check
def an_interrupt_ends_a_stream_with_130_and_a_closed_pipe_with_0(workspace):
    server = workspace.server(data="interrupted").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        for _ in range(50):
            log.Produce(log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(20_000))), timeout=20)
    running = subprocess.Popen(
        client(workspace, server.port, "consume", "--from", "earliest", "-f"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.read(10)
    threading.Thread(target=running.stdout.read, daemon=True).start()
    running.send_signal(signal.SIGINT)
    equal(running.wait(20), 130, "after SIGINT")
    true(b" records, " in running.stderr.read(), "a summary")
    running = subprocess.Popen(
        client(workspace, server.port, "consume", "--from", "earliest", "--to", "end"), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    running.stdout.read(10)
    running.stdout.close()
    equal(running.wait(20), 0, "when the reader of the pipe goes away")
    equal(server.terminate(), 0)


@check
def a_second_signal_ends_a_server_with_130(workspace):
    server = workspace.server("--shutdown-drain", "1min", data="twice").start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        def requests():
            yield log_pb2.ProduceRequest(record=log_pb2.Record(value=b"x"))
            threading.Event().wait(20)

        answers = log_pb2_grpc.LogStub(channel).ProduceStream(requests())
        next(answers)
        server.signal()
        within(10, lambda: "draining" in server.log(), "it drains")
        server.signal()
        code = server.wait(15)
        true(code in (0, 130), f"exit code {code}")


if __name__ == "__main__":
    checks.give_up_after(90)
    with servers.Workspace() as shared:
        sys.exit(check.run(shared, only=sys.argv[1:]))
