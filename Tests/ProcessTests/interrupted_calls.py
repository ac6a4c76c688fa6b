"""Calls of the kernel that do a part or are interrupted are no failures: a real server under load goes on and loses nothing.

    interrupted_calls.py [--records 3000] [--seed S]

The library of Tests/Faults lets each second write do half of its first piece, then each third and each second write, sync,
cut and reservation end with EINTR, while segments roll. Nothing may be refused, and the next start has all that was
acknowledged. Storage rule 38.
"""

import argparse
import errno
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import faults
import servers
from checks import equal, true
from disk_errors import Folder
from errors_at_ends import Options, ended, load

INTERRUPTIBLE = faults.WRITE | faults.SYNC | faults.TRUNCATE | faults.RESERVE
ROWS = (
    ("short writes", faults.WRITE, faults.SHORT_WRITE, 2),
    ("interrupted calls", INTERRUPTIBLE, errno.EINTR, 3),
    ("an interrupted call before each other one", INTERRUPTIBLE, errno.EINTR, 2),
)


def life(folder, records, row):
    """One life of the server with such calls; gives how many there were."""
    name, kinds, error, every = row
    folder.start()
    said = len(folder.server.log())
    folder.faults.arm(kinds, 1, error, lasting=every)
    try:
        load(folder, records)
    except AssertionError:
        print(folder.server.log()[said:][-1500:], file=sys.stderr)
        raise
    folder.server.kill()
    ended(folder)
    met = folder.faults["faults"]
    folder.faults.disarm()
    folder.disk.begin()
    true(met > 0, f"{name}: there was none")
    true("failed" not in folder.server.log()[said:], folder.server.log()[said:][-1500:])
    return met


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    checks.give_up_after(180)
    with servers.Workspace() as workspace:
        folder = Folder(workspace, Options(arguments.seed), 0)
        for row in ROWS:
            print(f"{row[0]}: {life(folder, arguments.records, row)}, seed {arguments.seed}")
        folder.start()
        equal(folder.server.terminate(within=10), 0, "exit code")
        print(f"{folder.acknowledged()} records acknowledged, 0 lost")
    print("ok interrupted_calls")
    return 0


if __name__ == "__main__":
    sys.exit(main())
