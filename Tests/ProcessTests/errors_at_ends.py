"""A disk that fails with EIO while a real server makes its folder, starts on one, or stops.

    errors_at_ends.py [--calls 1-6 | --calls 1-40] [--seed S]

For each k the k-th call below the data folder fails, once, of all that write, sync, rename, unlink, cut, open and map:
while a folder is made, while a server starts on the folder of one that was killed, and from SIGTERM on. The server ends
with exit code 74 and a message with file and errno, or did not need that call; the next start, without faults, has all
that was acknowledged.
"""

import argparse
import collections
import errno
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import faults
import powercut
import servers
import stubs
from checks import equal, true, within
from disk_errors import FENCED_WITHIN, Folder, numbers

LONG = 30
ALL = (faults.WRITE | faults.SYNC | faults.RENAME | faults.UNLINK | faults.TRUNCATE | faults.OPEN | faults.MAP
       | faults.RESERVE)


class Options:
    """What `Folder` wants to know."""

    def __init__(self, seed):
        self.seed, self.segment, self.kind = seed, "1MiB", ""


def load(folder, count):
    """Some records, and one that is just on its way."""
    before = folder.acknowledged()
    for producer in folder.producers:
        producer.start(folder.server, folder.credentials)
    within(LONG, lambda: folder.acknowledged() >= before + count, f"{count} acknowledgements")


def ended(folder):
    for producer in folder.producers:
        producer.thread.join(LONG)
        true(not producer.thread.is_alive(), f"{producer.name} has no final status")
        true(producer.problem is None, producer.problem)


def explained(folder, code, said):
    """It ended for the fault, and said so."""
    equal(code, 74, f"exit code after {folder.faults.call} of {folder.faults.path} failed; it said {said!r}")
    # A draft is called by the name that it is going to have.
    name = pathlib.Path(folder.faults.path).name.removesuffix(".new")
    true(name in said and f"errno {errno.EIO}" in said, f"neither {name} nor the errno in {said!r}")


def begin(folder, call):
    """A start with a fault; gives what came of it."""
    said = len(folder.server.log())
    folder.faults.arm(ALL, call)
    try:
        folder.server.start()
        outcome = "went on" if folder.faults["faults"] else "never came"
    except AssertionError:
        explained(folder, folder.server.process.returncode, folder.server.log()[said:])
        outcome = "refused"
    folder.server.kill()
    folder.faults.disarm()
    return outcome


def create(workspace, options, number, call, rng):
    folder = Folder(workspace, options, f"new{number}")
    outcome = begin(folder, call)
    folder.disk.cut(rng.choice(powercut.VARIANTS), rng)
    folder.start()
    load(folder, 5)
    folder.server.kill()
    ended(folder)
    folder.disk.begin()
    folder.start()
    folder.server.kill()
    return outcome


def restart(folder, call, rng):
    """A start on what a killed server, and a power cut, left."""
    folder.start()
    load(folder, 50)
    folder.server.kill()
    ended(folder)
    folder.disk.cut(rng.choice(powercut.VARIANTS), rng)
    outcome = begin(folder, call)
    folder.disk.cut(rng.choice(powercut.VARIANTS), rng)
    return outcome


def stop(folder, call, rng):
    """The fault comes while the server drains or closes the log."""
    folder.start()
    load(folder, 50)
    said = len(folder.server.log())
    folder.faults.arm(ALL, call)
    code = folder.server.terminate(within=10)
    ended(folder)
    outcome = "never came"
    if folder.faults["faults"]:
        outcome = f"exit {code}"
        explained(folder, code, folder.server.log()[said:])
    else:
        equal(code, 0, "exit code without a fault")
    folder.faults.disarm()
    folder.disk.cut(rng.choice(powercut.VARIANTS), rng)
    return outcome


def idle(workspace, options):
    """Retention meets the fault while nobody writes: health says so within a second."""
    folder = Folder(workspace, options, "idle")
    folder.start()
    load(folder, 6000)
    equal(folder.server.terminate(within=10), 0, "exit code")  # not killed: a recovery unlinks too, and takes the fault
    ended(folder)
    folder.disk.begin()
    folder.server.flags += ["--logs-retention-bytes", "1MiB"]
    said = len(folder.server.log())
    folder.faults.arm(faults.UNLINK, 1)
    folder.server.start()
    within(LONG, lambda: folder.faults["fault_time"], "retention removes a file")
    with stubs.channel(folder.server.address, folder.credentials) as channel:
        took = folder.fenced(channel)
        true(took <= FENCED_WITHIN, f"{took:.2f} s until health was NOT_SERVING")
    explained(folder, folder.server.terminate(within=10), folder.server.log()[said:])
    folder.faults.disarm()
    folder.disk.begin()
    folder.finish()
    return "not serving"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=numbers, default="1,4,9,14")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    checks.give_up_after(60 + 20 * len(arguments.calls))
    options, rng, figures = Options(arguments.seed), random.Random(arguments.seed), collections.Counter()
    with servers.Workspace() as workspace:
        old = Folder(workspace, options, 0)
        for number, call in enumerate(arguments.calls):
            for name, body in (("create", lambda: create(workspace, options, number, call, rng)),
                               ("start", lambda: restart(old, call, rng)), ("stop", lambda: stop(old, call, rng))):
                try:
                    figures[f"{name}: {body()}"] += 1
                except Exception as error:
                    for server in workspace.servers[-1:] + [old.server]:
                        print(server.log()[-1500:], file=sys.stderr)
                    raise AssertionError(f"{name}, call {call}, seed {arguments.seed}: {error}") from error
        old.finish()
        figures[f"idle: {idle(workspace, options)}"] += 1
        acknowledged = len(old.history.acknowledged)
    told = ", ".join(f"{name} {count}" for name, count in sorted(figures.items()))
    print(f"{3 * len(arguments.calls)} rounds, seed {arguments.seed}: {told}; {acknowledged} records acknowledged, 0 lost")
    true(figures["create: refused"] > 0 and figures["start: refused"] > 0, "no start was refused")
    true(figures["stop: exit 74"] > 0, "no stop met a fault")
    print("ok errors_at_ends")
    return 0


if __name__ == "__main__":
    sys.exit(main())
