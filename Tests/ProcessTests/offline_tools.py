"""The commands of distlogd that need no server: verify, dump, restore, check-disk; and `backup` of a running one."""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import datafolder
import servers
import stubs
from checks import equal, true
from stubs import log_pb2, log_pb2_grpc

LONG = 20
check = checks.Checks()


def distlogd(*arguments, code=0, text=None):
    done = subprocess.run(
        [servers.program("distlogd"), *map(str, arguments)], capture_output=True, text=True,
        timeout=60, input=text)
    equal(done.returncode, code, f"exit code of {arguments[0]} ({done.stderr.strip()})")
    return done


def fill(workspace, data, records=300):
    server = workspace.server("--storage-segment-bytes", "1MiB", data=data).start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        for number in range(records):
            log.Produce(log_pb2.ProduceRequest(records=[
                log_pb2.Record(value=b"value %d" % number + bytes(10_000), key=b"k"),
                log_pb2.Record(value=b"second")]), timeout=LONG)
    return server


def stores(server):
    return sorted(server.data.glob("logs/*/*.store"))


def content(folder):
    """What `dump` prints, and its hash: offsets, times, keys, values."""
    text = distlogd("dump", folder).stdout
    return text, hashlib.sha256(text.encode()).hexdigest()


@check
def verify_finds_a_folder_sound(workspace):
    server = fill(workspace, "sound")
    found = distlogd("verify", server.data, code=74)
    true(f"in use by the process {server.pid}" in found.stderr, found.stderr)
    equal(server.terminate(), 0)
    found = json.loads(distlogd("verify", server.data, "-o", "json").stdout)
    equal((found["sound"], found["closed"], found["endOffset"]), (True, True, "600"))
    true(len(found["segments"]) > 2, "segments")
    true("closed properly: sound" in distlogd("verify", server.data).stdout, "table")


@check
def verify_names_segment_position_and_offset_and_repairs(workspace):
    server = fill(workspace, "broken")
    equal(server.terminate(), 0)
    before, _ = content(server.data)
    store = stores(server)[-1]
    damaged = bytearray(store.read_bytes())
    place = 64 + 3  # the magic number of the first frame
    damaged[place] ^= 1
    store.write_bytes(damaged)
    first = int(store.name.split(".")[0])
    found = json.loads(distlogd("verify", server.data, "-o", "json", code=10).stdout)
    finding = found["findings"][0]
    equal((finding["file"], finding["position"], finding["offset"]), (str(store), "64", str(first)))
    bytes_before = store.read_bytes()
    refused = distlogd("verify", server.data, "--repair", code=10, text="yes\n")
    true("nothing was changed" in refused.stderr, refused.stderr)
    equal(store.read_bytes(), bytes_before, "the store after a refusal")
    done = distlogd("verify", server.data, "--repair", text=found["logId"] + "\n")
    true(f"the log ends before offset {first}" in done.stderr, done.stderr)
    saved = list(server.data.glob("saved-*/*"))
    true(any(file.read_bytes() == bytes(damaged) for file in saved), f"{saved}")
    distlogd("verify", server.data)
    after, _ = content(server.data)
    true(before.startswith(after) and after.count("\n") == first, "what is left")
    server.start()
    equal(server.terminate(), 0)


@check
def repair_takes_no_stale_list_and_no_folder_in_use(workspace):
    """What was listed while nobody ran must not be done to a log that has gone on since."""
    server = fill(workspace, "stale", records=60)
    server.kill()
    with open(stores(server)[-1], "r+b") as store:
        end = len(store.read().rstrip(b"\0"))
        store.seek(end)
        store.write(b"DLFR half a frame")
    found = json.loads(distlogd("verify", server.data, "-o", "json", code=10).stdout)
    equal([finding["damage"] for finding in found["findings"]], [False], "a torn tail")
    asking = subprocess.Popen(
        [servers.program("distlogd"), "verify", str(server.data), "--repair"], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while "type the log's id" not in asking.stderr.readline():
        pass
    server.start()
    with stubs.channel(server.address, workspace.certificate("root")) as channel:
        log = log_pb2_grpc.LogStub(channel)
        acknowledged = log.Produce(log_pb2.ProduceRequest(record=log_pb2.Record(value=b"later")), timeout=LONG)
        said = asking.communicate(found["logId"] + "\n", timeout=30)[1]
        equal(asking.returncode, 74, f"repair while a server runs: {said}")
        true("in use by the process" in said, said)
        request = log_pb2.ConsumeRequest(offset=acknowledged.offset)
        equal(log.Consume(request, timeout=LONG).record.value, b"later", "the record")
    equal(server.terminate(), 0)
    true(json.loads(distlogd("verify", server.data, "-o", "json").stdout)["sound"], "sound")


@check
def what_repair_cuts_is_saved_each_time_in_a_folder_of_its_own(workspace):
    server = fill(workspace, "twice", records=60)
    server.kill()
    for turn in range(2):
        last = datafolder.segments(server.data)[-1]
        at, _, _, body = last.frames()[-1]
        with open(last.store, "r+b") as store:
            store.seek(at + datafolder.FRAME_HEADER + body)
            store.write(b"DLFR torn %d" % turn)
        found = json.loads(distlogd("verify", server.data, "-o", "json", code=10).stdout)
        distlogd("verify", server.data, "--repair", "--confirm", found["logId"])
        # As a killed server leaves it, so that the next bytes are a torn write again.
        server.start()
        server.kill()
    saved = [file.read_bytes() for file in server.data.glob("saved-*/*.from-*")]
    true(all(any(content.startswith(b"DLFR torn %d" % turn) for content in saved) for turn in range(2)),
         f"{len(saved)} saved files")


@check
def strange_files_are_named_and_nothing_hangs(workspace):
    server = fill(workspace, "strange", records=300)
    equal(server.terminate(), 0)
    before, _ = content(server.data)
    first, second = stores(server)[:2]
    copy = second.with_name("copy.store")
    copy.write_bytes(second.read_bytes())
    with open(first, "ab") as store:
        store.write(b"garbage behind the last frame")
    (server.data / "identity").unlink()
    found = json.loads(distlogd("verify", server.data, "-o", "json", code=10).stdout)
    equal(len(found["findings"]), 3, f"{found['findings']}")
    distlogd("verify", server.data, "--repair", "--confirm", found["logId"])
    equal(content(server.data)[0], before, "not a record was lost")
    true(not copy.exists() and list(server.data.glob("saved-*/copy.store")), "the copy is saved aside")
    meta = next(server.data.glob("logs/*/meta"))
    kept = meta.read_bytes()
    meta.unlink()
    os.mkfifo(meta)
    distlogd("verify", server.data, code=10)
    distlogd("dump", server.data)
    meta.unlink()
    meta.write_bytes(kept)
    with open("/dev/full", "wb") as full:
        for command in ("dump", "verify"):
            done = subprocess.run([servers.program("distlogd"), command, str(server.data)], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
            equal(done.returncode, 74, f"{command} into a full disk: {done.stderr}")
    with tempfile.TemporaryDirectory() as elsewhere:
        image, target = pathlib.Path(elsewhere) / "image", pathlib.Path(elsewhere) / "copy"
        letter = pathlib.Path(elsewhere) / "copy.restoring" / "letter.txt"
        letter.parent.mkdir()
        letter.write_text("precious")
        server.start()
        root = workspace.certificate("root")
        client = [servers.program("distlog-client"), "--servers", server.address, "--ca", root.ca, "--cert",
                  root.certificate, "--key", root.key, "backup", str(image)]
        equal(subprocess.run(client, timeout=60, capture_output=True).returncode, 0, "backup")
        equal(server.terminate(), 0)
        left = pathlib.Path(elsewhere) / "copy.restoring-of-a-killed-one"
        left.mkdir()
        told = distlogd("restore", image, "--data-dir", target)
        true(left.name in told.stderr and left.exists(), f"what a killed restore left is named, and stays: {told.stderr}")
        equal(letter.read_text(), "precious", "somebody's file")
        link = pathlib.Path(elsewhere) / "link"
        (pathlib.Path(elsewhere) / "empty").mkdir()
        link.symlink_to("empty")
        true("link" in distlogd("restore", image, "--data-dir", link, code=74).stderr, "a link is refused at once")


@check
def dump_reads_beside_a_server_and_says_what_it_leaves_out(workspace):
    server = fill(workspace, "dumped", records=200)
    text, _ = content(server.data)
    lines = [json.loads(line) for line in text.splitlines()]
    equal([line["offset"] for line in lines], [str(number) for number in range(400)])
    true(base64.b64decode(lines[4]["value"]).startswith(b"value 2\0"), "value")
    equal(base64.b64decode(lines[4]["key"]), b"k")
    some = distlogd("dump", server.data, "--from", 398, "-n", 1, "-o", "table").stdout
    true(some.startswith("398  20") and "value 199" in some, some)
    equal(server.terminate(), 0)
    store = stores(server)[0]
    damaged = bytearray(store.read_bytes())
    damaged[5_000] ^= 1
    store.write_bytes(damaged)
    found = distlogd("dump", server.data, code=10)
    equal(len(found.stdout.splitlines()), 398, "records around a damaged frame")
    true("offsets 0 to 2 are left out" in found.stderr, found.stderr)


@check
def a_backup_of_a_running_server_restores_to_the_same_bytes(workspace):
    server = fill(workspace, "source", records=250)
    root = workspace.certificate("root")
    backup = workspace.path / "backup.image"
    with stubs.channel(server.address, root) as channel:
        log = log_pb2_grpc.LogStub(channel)

        def requests():
            for _ in range(20_000):
                if done.poll() is not None:
                    return
                yield log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(3_000)))

        done = subprocess.Popen(
            [servers.program("distlog-client"), "--servers", server.address, "--ca", root.ca, "--cert",
             root.certificate, "--key", root.key, "backup", backup],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        appended = sum(1 for _ in log.ProduceStream(requests(), timeout=60))
        output, errors = done.communicate(timeout=60)
    equal(done.returncode, 0, f"backup: {errors}")
    true(appended > 0, "nothing was appended meanwhile")
    equal(server.terminate(), 0)
    summary = distlogd("restore", backup, "--dry-run").stdout
    true(summary.startswith("verified offsets 0 to "), summary)
    end = int(summary.split(" to ")[1].split(",")[0])
    true(end >= 500, summary)
    copy = workspace.path / "copy"
    distlogd("restore", backup, "--data-dir", copy)
    mine, _ = content(copy)
    theirs, _ = content(server.data)
    kept = "".join(line + "\n" for line in theirs.splitlines()[:end])
    equal(hashlib.sha256(mine.encode()).hexdigest(), hashlib.sha256(kept.encode()).hexdigest())
    distlogd("verify", copy)
    again = workspace.server(data="copy").start()
    with stubs.channel(again.address, root) as channel:
        answer = log_pb2_grpc.LogStub(channel).Produce(
            log_pb2.ProduceRequest(record=log_pb2.Record(value=b"next")), timeout=LONG)
        equal(answer.offset, end, "the next offset")
    equal(again.terminate(), 0)
    refuse_damaged(workspace, backup, copy)


def refuse_damaged(workspace, backup, copy):
    before = sorted((file, file.stat().st_size) for file in copy.rglob("*"))
    found = distlogd("restore", backup, "--data-dir", copy, code=74)
    true("not empty" in found.stderr, found.stderr)
    equal(sorted((file, file.stat().st_size) for file in copy.rglob("*")), before, "an untouched folder")
    image = bytearray(backup.read_bytes())
    for place in (0, 9, 40, 130, len(image) // 2, len(image) - 1):
        image[place] ^= 16
        backup.write_bytes(image)
        image[place] ^= 16
        target = workspace.path / "target"
        found = distlogd("restore", backup, "--data-dir", target, code=74)
        true(str(backup) in found.stderr, found.stderr)
        true(not target.exists() and not list(workspace.path.glob("target*")), "something is left")


@check
def check_disk_measures_and_leaves_nothing(workspace):
    folder = workspace.path / "disk"
    folder.mkdir()
    found = json.loads(distlogd("check-disk", folder, "--seconds", "0.6", "-o", "json").stdout)
    equal([write["bytes"] for write in found["writes"]], [4096, 65536, 1048576])
    true(all(write["p50Microseconds"] <= write["maxMicroseconds"] for write in found["writes"]), found)
    equal(list(folder.iterdir()), [])
    distlogd("check-disk", workspace.path / "none", code=74)
    distlogd("check-disk", folder, "--seconds", "0", code=64)


if __name__ == "__main__":
    checks.give_up_after(240)
    with servers.Workspace() as shared:
        sys.exit(check.run(shared, only=sys.argv[1:]))
