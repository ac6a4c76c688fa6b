"""A server whose disk is full: a file system of some MiB, in a mount namespace that only the server sees.

Where no such namespace can be made (no unprivileged ones, a container that forbids mounts) it says so and passes.
"""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import servers
import stubs
from checks import equal, true
from stubs import expect, log_pb2, log_pb2_grpc

MIB = 1 << 20
LONG = 20
# $0 is the folder to mount on; the rest is the server's command.
MOUNT = 'mount -t tmpfs -o size=24m,mode=700 tmpfs "$0" && head -c 8388608 /dev/zero >"$0/ballast" && exec "$@"'


def namespace():
    return ["unshare", "--mount", "--map-root-user"]


def possible(folder):
    try:
        command = [*namespace(), "sh", "-c", MOUNT, str(folder), "true"]
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def fill(log):
    """Writes until the disk is full; gives how many records were acknowledged."""
    request = log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(200_000)))
    for count in range(200):
        try:
            equal(log.Produce(request, timeout=LONG).offset, count, "offset")
        except grpc.RpcError:
            return count, request
    raise AssertionError("40 MB in 24 MiB")


def check(workspace, folder):
    server = workspace.server("--storage-segment-bytes", "2MiB", data="disk/data")
    server.wrapper = [*namespace(), "sh", "-c", MOUNT, str(folder)]
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        count, request = fill(log)
        true(count > 20, f"only {count} records went in")
        for _ in range(3):
            found = expect(lambda: log.Produce(request, timeout=LONG), grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL")
            true(found.retry is not None, "no RetryInfo")
        for offset in (0, count // 2, count - 1):
            equal(log.Consume(log_pb2.ConsumeRequest(offset=offset), timeout=LONG).record.offset, offset)
        # The server's own view of the folder; from here it is empty.
        pathlib.Path(f"/proc/{server.pid}/root{folder}/ballast").unlink()
        equal(log.Produce(request, timeout=LONG).offset, count, "offset once there is space again")
    equal(server.terminate(), 0, "exit code")
    return count


def main():
    checks.give_up_after(60)
    with servers.Workspace() as workspace:
        folder = workspace.path / "disk"
        folder.mkdir()
        if possible(folder):
            count = check(workspace, folder)
            print(f"{count} records until the disk was full")
        else:
            print("NOT TRIED: no mount namespace can be made here")
    print("ok full_disk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
