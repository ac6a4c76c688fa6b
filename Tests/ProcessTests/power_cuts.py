"""Cuts the power under a real server again and again while producers write, and judges the log after each restart.

    power_cuts.py [--cuts N] [--seed S] [--disk model|ext4] [--segment SIZE]
                  [--retention SIZE] [--control]

model: a library under the server's calls keeps a journal, from which the disk is built that a cut leaves: without
       anything that was not synced, with all of it, with some sectors of it, or torn at a byte (by turns).
ext4:  a real file system on a loop device, shut down by its ioctl; needs root, and says NOT TRIED without.

Nothing that was acknowledged may be missing or moved; with --retention what was removed is the log's front, as far as it
was said to be. With --control syncs do nothing, and a loss must be found within
five cuts: else the cuts would prove nothing.
"""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import checks
import ext4
import faults
import powercut
import servers
from history import History, judge
from kill_rounds import Producer, Reader

LONG = 30  # seconds
CUTS_A_FOLDER = 10  # then a new one: the judge reads the whole log
MOST_CONTROL_CUTS = 5


class Witness(Producer):
    """A producer whose disk dies before its server: a write in flight may fail."""

    expected = (*Producer.expected, grpc.StatusCode.ABORTED)


def flags(options):
    retention = ["--logs-retention-bytes", options.retention] if options.retention else []
    return ["--storage-segment-bytes", options.segment, *retention]


class ModelDisk:
    """The disk of Tests/Faults."""

    delay = 2_000_000  # of a sync, ns: writes that are not synced must be there to be lost

    def __init__(self, workspace, options, number):
        self.server = workspace.server(*flags(options), data=f"data{number}")
        self.faults = faults.Faults(workspace, self.server, journal=True)
        self.faults["delay"] = self.delay
        self.disk = powercut.Disk(self.server.data, self.faults.journal)
        self.count = 0

    def start(self):
        self.server.start()

    def cut(self, rng):
        self.server.kill()
        variant = "none" if self.faults["forget_syncs"] else powercut.VARIANTS[self.count % 4]
        self.count += 1
        in_doubt = self.disk.cut(variant, rng)
        return f"{variant}, {in_doubt} operations in doubt"

    def hit(self):
        """Cuts that had something to take away, and bytes they took."""
        return self.disk.cuts_with_pending, self.disk.forgotten

    def close(self):
        pass


class RealDisk:
    """A loop-mounted ext4."""

    def __init__(self, workspace, options, number):
        self.disk = ext4.Ext4(workspace.path / f"disk{number}", 256)
        self.disk.mount()
        self.server = workspace.server(*flags(options), data=f"disk{number}/data")
        self.faults = faults.Faults(workspace, self.server)
        self.cuts = 0

    def start(self):
        self.server.start()

    def cut(self, rng):
        flags = rng.choice((ext4.WITH_JOURNAL, ext4.WITHOUT_JOURNAL))
        # A sync that is under way when ext4 is shut down may say that all is well although it is not: no acknowledgement
        # must come of it, as none would from a machine without power.
        self.server.freeze()
        self.disk.cut_off(flags)
        self.server.kill()
        self.disk.unmount()
        self.disk.mount()
        self.cuts += 1
        return "journal flushed" if flags == ext4.WITH_JOURNAL else "journal not flushed"

    def hit(self):
        return self.cuts, None

    def close(self):
        self.disk.unmount()


class Folder:
    """One data folder and all its lives."""

    def __init__(self, workspace, options, number, rng):
        self.random = rng
        kind = RealDisk if options.disk == "ext4" else ModelDisk
        self.disk = kind(workspace, options, number)
        self.server = self.disk.server
        self.credentials = workspace.certificate("root")
        self.reader = Reader(workspace)
        self.history, self.log = History(), []
        self.retention, self.log_start = bool(options.retention), 0
        self.cuts_in_flight = 0
        kinds = [(False, False), (True, False), (False, True), (True, True)]
        self.producers = [Witness(f"p{n}", options.seed * 1000 + number * 10 + n, self.history, *kinds[n]) for n in range(4)]

    def acknowledged(self):
        return sum(producer.acknowledged for producer in self.producers)

    def cut(self):
        """One life of the server; what the disk kept must hold all that was acknowledged."""
        before = self.acknowledged()
        for producer in self.producers:
            producer.start(self.server, self.credentials)
        checks.within(LONG, lambda: self.acknowledged() > before + 20, "20 acknowledgements")
        # Not a signal: the moment of the cut is what varies. Retention looks once a second.
        time.sleep(self.random.uniform(0, 0.4) + (0.9 if self.retention else 0))
        what = self.disk.cut(self.random)
        for producer in self.producers:
            producer.thread.join(LONG)
            checks.true(not producer.thread.is_alive(), f"{producer.name} hangs after the cut")
            checks.true(producer.problem is None, producer.problem)
        self.cuts_in_flight += any(producer.unanswered for producer in self.producers)
        self.disk.start()
        self.judge_all() if self.retention else self.judge_new()
        return f"{what}; {self.acknowledged() - before} acknowledged in this life"

    def judge_new(self):
        self.log += self.reader.read(self.server, len(self.log))
        self.fail_if(judge(self.history, self.log))

    def judge_all(self):
        start, self.log = self.reader.read_kept(self.server)
        checks.true(start >= self.log_start, f"the log's start went back from {self.log_start} to {start}")
        self.log_start = start
        self.fail_if(judge(self.history, self.log, start))

    def finish(self):
        self.judge_all()
        checks.equal(self.server.terminate(), 0, "exit code after SIGTERM")
        self.disk.close()

    def fail_if(self, found):
        if found:
            print(self.server.log()[-3000:], file=sys.stderr)
            raise AssertionError("; ".join(found))


def control(workspace, options, rng):
    """A disk that syncs nothing must be found out."""
    folder = Folder(workspace, options, 0, rng)
    folder.disk.start()
    folder.disk.faults["forget_syncs"] = 1
    for number in range(1, MOST_CONTROL_CUTS + 1):
        try:
            print(f"cut {number}: {folder.cut()}")
        except AssertionError as error:
            checks.true(folder.acknowledged() > 0, "nothing was acknowledged")
            folder.server.kill()
            folder.disk.close()
            print(f"found at cut {number}, as it must be (seed {options.seed}): {checks.first_line(error)}")
            print("ok control")
            return 0
    raise AssertionError(f"syncs did nothing and {MOST_CONTROL_CUTS} cuts did not show it (seed {options.seed})")


def run(workspace, options, rng):
    begun = time.monotonic()
    acknowledged = records = removed = in_flight = hits = forgotten = 0
    folder = None
    for number in range(options.cuts):
        if number % CUTS_A_FOLDER == 0:
            folder = Folder(workspace, options, number // CUTS_A_FOLDER, rng)
            folder.disk.start()
        what = folder.cut()
        if options.verbose:
            print(f"cut {number + 1}: {what}", flush=True)
        if number % CUTS_A_FOLDER == CUTS_A_FOLDER - 1 or number == options.cuts - 1:
            folder.finish()
            acknowledged += len(folder.history.acknowledged)
            records += len(folder.log)
            removed += folder.log_start
            in_flight += folder.cuts_in_flight
            hits += folder.disk.hit()[0]
            forgotten += folder.disk.hit()[1] or 0
    lost = f"{hits} cuts had unsynced operations, {forgotten} bytes were forgotten; " if options.disk == "model" else ""
    lost += f"retention removed {removed}; " if options.retention else ""
    print(f"{options.cuts} power cuts, {options.disk}, seed {options.seed}: {acknowledged} records acknowledged, "
          f"{records} in the logs, 0 lost, dense, nothing twice; calls were in flight at {in_flight} cuts; {lost}"
          f"{(time.monotonic() - begun) / options.cuts:.1f} s a cut")
    # Cuts that took nothing away prove nothing.
    checks.true(acknowledged > 20 * options.cuts, "too little was acknowledged")
    checks.true(in_flight * 2 >= options.cuts, "too few cuts hit calls in flight")
    checks.true(hits * 2 >= options.cuts, "too few cuts hit unsynced writes")
    checks.true(options.disk != "model" or forgotten > 0, "no cut forgot a byte")
    checks.true(removed > 0 or not options.retention, "retention removed nothing")
    print(f"ok {options.disk}", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disk", choices=["model", "ext4"], default="model")
    parser.add_argument("--segment", default="1MiB", help="small, so that segments roll under load")
    parser.add_argument("--retention", default="", help="keep so much only, for example 2MiB")
    parser.add_argument("--control", action="store_true", help="syncs do nothing; must be found out")
    parser.add_argument("--verbose", action="store_true", help="one line a cut")
    options = parser.parse_args()
    usable = options.disk != "ext4" or ext4.inside_own_mounts()
    checks.give_up_after(60 + 10 * options.cuts)
    with servers.Workspace() as workspace:
        if options.disk == "ext4" and not (usable and ext4.possible(workspace.path / "trial")):
            print("NOT TRIED: no loop-mounted ext4 can be made here")
            print("ok control" if options.control else "ok ext4")
            return 0
        rng = random.Random(options.seed)
        return control(workspace, options, rng) if options.control else run(workspace, options, rng)


if __name__ == "__main__":
    sys.exit(main())
