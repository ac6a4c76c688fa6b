"""A network of their own for the servers of a cluster, so that a test can cut it: each server in a network namespace, all on
one bridge, the script itself on it as well.

`inside_own_network` runs the script again in namespaces of its own, so that nothing is left however it ends. A cut makes one
server send to a link address that nobody has (a fixed neighbour, RFC 826): its packets go out and arrive nowhere, no error
tells it, and the other way still works, as in a real one-way partition.
"""

import os
import shutil
import subprocess
import sys

_MARK = "DISTLOG_OWN_NETWORK"
_NOBODY = "02:00:00:00:00:fe"


def inside_own_network():
    """False where there can be none; else this process, or the one that takes its place, is alone on a bridge."""
    if os.environ.get(_MARK):
        _run("mount", "-t", "tmpfs", "tmpfs", "/run")  # where names of namespaces are kept
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "cut", "type", "bridge")
        _run("ip", "address", "add", "10.77.0.254/24", "dev", "cut")
        _run("ip", "link", "set", "cut", "up")
        return True
    if not all(map(shutil.which, ("unshare", "mount", "ip"))):
        return False
    prefix = ["unshare", "--mount", "--net", "--propagation", "private"]
    if os.geteuid() != 0:
        prefix.append("--map-root-user")
    trial = ("mount -t tmpfs tmpfs /run && ip link add cut type bridge && ip netns add trial && ip link add v0 type veth peer "
             "name v1 netns trial && ip netns exec trial true")
    if subprocess.run([*prefix, "sh", "-c", trial], capture_output=True, timeout=10).returncode:
        return False
    os.environ[_MARK] = "1"
    os.execvp("unshare", [*prefix, sys.executable, *sys.argv])


class Place:
    """Where one server runs: `host` is its address, `wrapper` the command that runs another there."""

    def __init__(self, number):
        self.name, self.host = f"place{number}", f"10.77.0.{number}"
        self.wrapper = ["ip", "netns", "exec", self.name]
        self._deaf_to_us = set()
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", f"to{number}", "type", "veth", "peer", "name", "net", "netns", self.name)
        _run("ip", "link", "set", f"to{number}", "master", "cut", "up")
        self._ip("link", "set", "lo", "up")
        self._ip("address", "add", f"{self.host}/24", "dev", "net")
        self._ip("link", "set", "net", "up")

    def _ip(self, *words):
        _run("ip", "-netns", self.name, *words)

    def cut_off_from(self, other):
        """From here on nothing that this one sends arrives at `other`."""
        self._ip("neighbour", "replace", other.host, "lladdr", _NOBODY, "dev", "net", "nud", "permanent")
        self._deaf_to_us.add(other)

    def heal(self):
        for other in self._deaf_to_us:
            self._ip("neighbour", "delete", other.host, "dev", "net")
        self._deaf_to_us.clear()


def _run(*command):
    found = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if found.returncode:
        raise OSError(f"{' '.join(command)}: {found.stderr.strip()}")
