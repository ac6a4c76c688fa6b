"""A real file system for one test: ext4 in a file, mounted by a loop device, and cut off by its own ioctl; or tmpfs.

ext4 needs root, tmpfs only a user namespace. `inside_own_mounts` runs the script again in a mount namespace of its own,
so that nothing stays mounted however it ends.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import sys

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_MARK = "DISTLOG_OWN_MOUNTS"
WITH_JOURNAL, WITHOUT_JOURNAL = 1, 2  # whether the file system's journal still reaches the disk; data never does


def inside_own_mounts(as_root=True):
    """False where there can be none; else this process, or the one that takes its place, has mounts of its own."""
    if os.environ.get(_MARK):
        return True
    needed = ["unshare", "mount", "umount"] + (["mkfs.ext4"] if as_root else [])
    if (as_root and os.geteuid() != 0) or not all(map(shutil.which, needed)):
        return False
    prefix = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        prefix.append("--map-root-user")
    if subprocess.run([*prefix, "true"], capture_output=True, timeout=10).returncode:
        return False
    os.environ[_MARK] = "1"
    os.execvp("unshare", [*prefix, sys.executable, *sys.argv])


class Ext4:
    def __init__(self, folder, mib, *options):
        self.folder, self.image = folder, folder.with_suffix(".ext4")
        folder.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(mib << 20)
        _run("mkfs.ext4", "-q", *options, str(self.image))
        self.mounted = False

    def mount(self):
        _run("mount", "-o", "loop", str(self.image), str(self.folder))
        self.mounted = True

    def cut_off(self, flags):
        """From here on no write reaches the disk."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", flags))
        finally:
            os.close(folder)

    def unmount(self):
        if self.mounted:
            _run("umount", str(self.folder))
            self.mounted = False


class Tmpfs:
    def __init__(self, folder, mib):
        self.folder, self.mib = folder, mib
        folder.mkdir()

    def mount(self):
        _run("mount", "-t", "tmpfs", "-o", f"size={self.mib}m,mode=700", "tmpfs", str(self.folder))

    def unmount(self):
        _run("umount", str(self.folder))


# A server alone in a namespace of its own, with a tmpfs of 24 MiB of which 8 are taken: $0 is the folder to mount on, the
# rest the server's command.
MOUNT = 'mount -t tmpfs -o size=24m,mode=700 tmpfs "$0" && head -c 8388608 /dev/zero >"$0/ballast" && exec "$@"'


def namespace():
    return ["unshare", "--mount", "--map-root-user"]


def namespace_possible(folder):
    try:
        command = [*namespace(), "sh", "-c", MOUNT, str(folder), "true"]
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def free_bytes(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def possible(folder):
    """Whether such a file system can be mounted and cut off here."""
    try:
        disk = Ext4(folder, 8)
        disk.mount()
        disk.cut_off(WITHOUT_JOURNAL)
        disk.unmount()
        return True
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no loop-mounted ext4 here: {error}", file=sys.stderr)
        return False


def _run(*command):
    found = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if found.returncode:
        raise OSError(f"{command[0]}: {found.stderr.strip()}")
