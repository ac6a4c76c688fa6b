"""`distlogd dev` as a new user meets it: a cluster from nothing, what it prints, and how it ends.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: dev.py [NAME...]
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import checks
import clusters
from checks import equal, true, within

check = checks.Checks()
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["DISTLOG_BIN_DIR"]) / "distlogd"
READY_WITHIN = 60
STOPPED_WITHIN = 30


def three_ports():
    """A port whose next two are free as well."""
    while True:
        port = clusters.free_ports(1)[0]
        held = []
        try:
            for number in range(3):
                held.append(socket.create_server(("127.0.0.1", port + number)))
            return port
        except OSError:
            continue
        finally:
            for listener in held:
                listener.close()


class Dev:
    """The program in a terminal's place: its output in files."""

    def __init__(self, folder, *words, port=None):
        self.folder = folder
        self.port = port or three_ports()
        self.out, self.err = folder.with_suffix(".out"), folder.with_suffix(".err")
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [PROGRAM, "dev", "--data", folder, "--port", str(self.port), *words], stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, start_new_session=True)

    def ready(self):
        def said():
            true(self.process.poll() is None, f"it has ended: {self.err.read_text()}")
            return re.search(r"^ready .*\n", self.out.read_text(), re.M)
        return within(READY_WITHIN, said, "the servers serve").group()

    def ids(self):
        """The servers' processes, first server first."""
        return [int(found) for found in re.findall(r"process (\d+)  log", self.out.read_text())]

    def paste(self, commands, code=0):
        """What a user pastes, and then types."""
        run = subprocess.run(
            ["bash", "-c", f"source {self.folder}/context.sh\n{commands}"], capture_output=True, text=True, timeout=60,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
        equal(run.returncode, code, f"exit code of {commands}, which said {run.stderr}")
        return run.stdout

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(STOPPED_WITHIN)


def rules(policy):
    return [line for line in policy.read_text().splitlines() if line and not line.startswith("#")]


def is_gone(process):
    try:
        return "\nState:\tZ" in pathlib.Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True


def refused(folder, *words, code, says, port=None):
    dev = Dev(folder, *words, port=port)
    try:
        equal(dev.process.wait(READY_WITHIN), code, f"exit code with {words}")
        true(says in dev.err.read_text(), f"it does not say '{says}': {dev.err.read_text()}")
    finally:
        dev.process.kill()


@check
def one_command_makes_a_cluster(work):
    folder = work / "first one"  # a name that a shell splits
    dev = Dev(folder, "--nodes", "3")
    dev.folder = f"'{folder}'"
    try:
        equal(dev.ready(), "ready nodes=node1,node2,node3 rpc=" + ",".join(
            f"127.0.0.1:{dev.port + number}" for number in range(3)) + "\n")
        dev.paste("distlog-client cluster health --wait && seq 1 1000 | distlog-client produce")
        dev.paste("distlog-client --cert \"${DISTLOG_CERT/root/nobody}\" --key \"${DISTLOG_KEY/root/nobody}\" cat", code=77)

        # One that is killed comes back, and has what the others have.
        os.kill(dev.ids()[0], signal.SIGKILL)
        dev.paste("seq 1001 2000 | distlog-client produce")
        within(READY_WITHIN, lambda: dev.err.read_text().count("node1 serves") == 2, "node1 is started again")
        dev.paste("distlog-client cluster health --wait && distlog-client cluster verify")
        equal(rules(folder / "policy.csv"), rules(REPOSITORY / "certs/policy.csv"), "rules, as those of the development certificates")
        for key in folder.glob("certs/*-key.pem"):
            equal(key.stat().st_mode & 0o777, 0o600, f"mode of {key.name}")

        # Another at the same folder, or the same ports, leaves this one as it is.
        refused(folder, code=74, says="runs already")
        refused(work / "other", code=69, says="does not start", port=dev.port)
        dev.paste("distlog-client cluster health")
        started = re.findall(r"node1 is started again as process (\d+)", dev.err.read_text())
        equal(dev.end(), 0, "exit code after SIGINT")
        for process in [*dev.ids(), *map(int, started)]:
            true(is_gone(process), f"server {process} is left: {dev.err.read_text()}")

        # What is there goes on, with the same certificates.
        before = (folder / "certs/ca.pem").read_bytes(), (folder / "certs/node1.pem").read_bytes()
        refused(folder, "--nodes", "5", code=74, says="holds a cluster of 3, not of 5")
        dev = Dev(folder)
        dev.folder = f"'{folder}'"
        dev.ready()
        equal(dev.paste("distlog-client consume --from earliest --to end"), "".join(f"{n}\n" for n in range(1, 2001)))
        equal((folder / "certs/ca.pem").read_bytes(), before[0])
        equal((folder / "certs/node1.pem").read_bytes(), before[1])
        equal(dev.end(signal.SIGTERM), 0, "exit code after SIGTERM")
    finally:
        dev.process.kill()


@check
def its_servers_end_when_it_is_killed(work):
    dev = Dev(work / "killed", "--nodes", "1")
    try:
        dev.ready()
        dev.paste("seq 1 10 | distlog-client produce")
        ids = dev.ids()
        equal(len(ids), 1, "servers")
        dev.process.kill()
        dev.process.wait(STOPPED_WITHIN)
        within(STOPPED_WITHIN, lambda: all(map(is_gone, ids)), "the server ends")
        true("stopped" in (work / "killed/node1.log").read_text(), "it has stopped in order")
    finally:
        dev.process.kill()


@check
def what_cannot_be_is_refused(work):
    (work / "mine").mkdir()
    (work / "mine/letter").write_text("dear")
    refused(work / "mine", code=74, says="holds other things")
    equal([path.name for path in (work / "mine").iterdir()], ["letter"], "what is there")
    refused(work / "none", "--nodes", "0", code=64, says="--nodes 0 is not from 1 to 7")
    refused(work / "none", "--nodes", "8", code=64, says="--nodes 8 is not from 1 to 7")
    refused(work / "none", port=70_000, code=64, says="is not from 1 to 65000")
    refused(work / "mine/letter", code=74, says="letter")
    true(not (work / "none").exists(), "nothing is made for a wrong use")


if __name__ == "__main__":
    checks.give_up_after(240)
    place = pathlib.Path(tempfile.mkdtemp(prefix="distlog-dev."))
    try:
        code = check.run(place, only=sys.argv[1:])
    finally:
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(code)
