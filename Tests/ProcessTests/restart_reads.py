"""What a start reads: of a large log only the last frame, and the last segment after a kill. Bytes are counted.

    restart_reads.py [--mib N] [--segment SIZE] [--json FILE]

Counted by the kernel for the process (/proc/PID/io) from its start to `ready`: `rchar`, the bytes of all read calls,
and `read_bytes`, what came from the disk, page faults of mapped files included; the files are dropped from the page
cache before. The start of an empty log is subtracted: program, libraries, certificates.
"""

import argparse
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import datafolder
import servers
import stubs
from stubs import log_pb2, log_pb2_grpc

MIB = 1 << 20


def fill(server, credentials, mebibytes):
    """Batches of a quarter of a MiB, many on their way at one time."""
    records = [log_pb2.Record(value=os.urandom(16 << 10)) for _ in range(16)]
    request = log_pb2.ProduceRequest(records=records)
    with stubs.channel(server.address, credentials) as channel:
        answers = log_pb2_grpc.LogStub(channel).ProduceStream(
            (request for _ in range(4 * mebibytes)), timeout=600)
        return sum(1 for _ in answers) // 4


def forget_pages(data):
    for path in pathlib.Path(data).rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def counted_start(server):
    forget_pages(server.data) if server.data.exists() else None
    begun = time.monotonic()
    server.start(within=120)
    counted = server.io()
    return {"rchar": counted["rchar"], "read_bytes": counted["read_bytes"], "read_calls": counted["syscr"],
            "seconds": round(time.monotonic() - begun, 3)}


def measure(workspace, mebibytes, segment):
    credentials = workspace.certificate("root")
    empty = workspace.server("--storage-segment-bytes", segment, data="empty")
    counted_start(empty)
    empty.terminate()
    rows = {"empty log": counted_start(empty)}
    empty.terminate()
    server = workspace.server("--storage-segment-bytes", segment, data="large").start()
    checks.equal(fill(server, credentials, mebibytes), mebibytes, "batches acknowledged")
    checks.equal(server.terminate(within=60), 0, "exit code")
    rows["after SIGTERM"] = counted_start(server)
    fill(server, credentials, 1)
    server.kill()
    left = datafolder.segments(server.data)[-1].store.stat().st_size  # with the space that was reserved
    rows["after kill -9"] = counted_start(server)
    checks.equal(server.terminate(within=60), 0, "exit code")
    segments = datafolder.segments(server.data)
    return rows, {
        "log_bytes": datafolder.bytes_on_disk(server.data), "segments": len(segments),
        "last_segment_bytes": segments[-1].store.stat().st_size,
        # Each start writes an entry without a body behind the last records.
        "last_frame_bytes": datafolder.FRAME_HEADER + max(body for _, _, _, body in segments[-1].frames()[-8:]),
        "last_segment_bytes_after_kill": left}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=int(os.environ.get("DISTLOG_BIG_LOG_MIB", "24")))
    parser.add_argument("--segment", default=None, help="default: 64MiB from 256 MiB on, else 2MiB")
    parser.add_argument("--json")
    options = parser.parse_args()
    segment = options.segment or ("64MiB" if options.mib >= 256 else "2MiB")
    checks.give_up_after(120 + options.mib)
    with servers.Workspace() as workspace:
        rows, sizes = measure(workspace, options.mib, segment)
    print(f"log of {sizes['log_bytes'] / MIB:.0f} MiB in {sizes['segments']} segments, "
          f"the last of {sizes['last_segment_bytes'] / MIB:.1f} MiB")
    print(f"{'start':<16}{'read calls':>12}{'bytes read':>14}{'from disk':>14}{'seconds':>9}")
    for name, row in rows.items():
        print(f"{name:<16}{row['read_calls']:>12}{row['rchar']:>14}{row['read_bytes']:>14}{row['seconds']:>9}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"starts": rows, **sizes}, indent=2))
    base = rows["empty log"]["rchar"]
    slack = (64 << 10) + 8192 * sizes["segments"]  # headers, meta, small files
    tail = sizes["last_frame_bytes"]
    left = sizes["last_segment_bytes_after_kill"]
    clean = rows["after SIGTERM"]["rchar"] - base
    killed = rows["after kill -9"]["rchar"] - base
    print(f"more than for an empty log: {clean} bytes after SIGTERM, {killed} after kill -9")
    checks.true(clean <= tail + slack, f"a clean start read {clean} bytes; the last frame has {tail}")
    checks.true(killed <= left + slack, f"a start after kill -9 read {killed} bytes; the last segment has {left}")
    print("ok restart_reads_only_the_tail")
    return 0


if __name__ == "__main__":
    sys.exit(main())
