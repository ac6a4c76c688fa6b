"""Starts, watches and ends real `distlogd` processes."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY = re.compile(r"^ready .*\brpc=(\S+):(\d+)")
READY_WITHIN = 30  # seconds


def program(name):
    """The path of one of our programs: DISTLOG_BIN_DIR, or else the debug build."""
    folder = os.environ.get("DISTLOG_BIN_DIR") or REPOSITORY / ".build" / "debug"
    path = pathlib.Path(folder) / name
    if not path.exists():
        raise SystemExit(f"there is no {path}: build it, or set DISTLOG_BIN_DIR")
    return str(path)


class Workspace:
    """A temporary folder with certificates of its own; use it with `with`."""

    def __init__(self, inside=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="distlog-", dir=inside))
        self.certificates = self.path / "certs"
        self.servers = []

    def __enter__(self):
        subprocess.run(
            [REPOSITORY / "scripts" / "certs.sh", self.certificates],
            check=True, stdout=subprocess.DEVNULL, timeout=60)
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.kill()
        if os.environ.get("DISTLOG_KEEP"):
            print(f"kept {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)

    def certificate(self, name):
        return Credentials(self.certificates, name)

    def server(self, *flags, data="data"):
        server = Server(self, self.path / data, flags)
        self.servers.append(server)
        return server


class Credentials:
    """The PEM files of one identity and of the CA."""

    def __init__(self, folder, name):
        self.ca = str(folder / "ca.pem")
        self.certificate = str(folder / f"{name}.pem")
        self.key = str(folder / f"{name}-key.pem")


class Server:
    """One distlogd. Its standard error is kept in a file; the port is free at every start."""

    def __init__(self, workspace, data, flags):
        self.workspace = workspace
        self.data = data
        self.flags = list(flags)
        self.wrapper = []  # a command that runs the server's
        self.log_path = workspace.path / f"{data.name}.log"
        self.process = None
        self.host = "127.0.0.1"
        self.port = None

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        node = self.workspace.certificate("node1")
        policy = REPOSITORY / "certs" / "policy.csv"
        command = [
            program("distlogd"), "serve", "--id", "node1", "--data", str(self.data),
            "--listen", f"{self.host}:0", "--expect", "1", "--tls-cert", node.certificate,
            "--tls-key", node.key, "--tls-ca", node.ca, "--acl-policy", str(policy)]
        # A script that is killed takes its servers with it.
        guard = shutil.which("setpriv")
        return ([guard, "--pdeathsig", "KILL"] if guard else []) + self.wrapper + command + self.flags

    def start(self, within=READY_WITHIN):
        """Returns when the server has said that it is ready."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self._line(time.monotonic() + within)
        found = READY.match(line)
        if not found:
            self.kill()
            raise AssertionError(f"distlogd said {line!r} and not `ready`; its log:\n{self.log()}")
        self.port = int(found[2])
        return self

    def _line(self, end):
        text = b""
        stream = self.process.stdout
        while not text.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                break
            read = os.read(stream.fileno(), 4096)
            if not read:
                break
            text += read
        return text.decode(errors="replace")

    def kill(self):
        """kill -9, and waits until the process is gone."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self._gone(10)

    def freeze(self):
        """SIGSTOP, and waits until no thread runs: each is stopped, or in a call from which it will not return."""
        self.signal(signal.SIGSTOP)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            states = [self._state(task) for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir()]
            if all(state in "TD" for state in states) and "T" in states:
                return
        raise AssertionError("distlogd did not stop on SIGSTOP")

    @staticmethod
    def _state(task):
        return (task / "stat").read_text().rpartition(")")[2].split()[0]

    def signal(self, number=signal.SIGTERM):
        os.kill(self.process.pid, number)

    def terminate(self, within=15):
        """SIGTERM; gives the exit code."""
        self.signal()
        return self.wait(within)

    def wait(self, within):
        try:
            return self._gone(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"distlogd did not end within {within} s") from None

    def _gone(self, within):
        code = self.process.wait(timeout=within)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # What the kernel counts.

    def cpu_seconds(self):
        """CPU time of all threads, those that ended included, in nanoseconds' resolution."""
        clock = (~self.pid << 3) | 2  # what clock_getcpuclockid(3) gives for a process
        return time.clock_gettime_ns(clock) / 1e9

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def io(self):
        """rchar: bytes of read calls; read_bytes: bytes fetched from the disk; and so on."""
        lines = pathlib.Path(f"/proc/{self.pid}/io").read_text().splitlines()
        return {name: int(value) for name, value in (line.split(": ") for line in lines)}

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
