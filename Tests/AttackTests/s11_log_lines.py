"""S8 and S11: files that nobody else may read, and bytes from outside that must not forge lines or move a cursor.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: s11_log_lines.py [--strict] [NAME...]
"""

import json
import os
import pathlib
import re
import stat
import subprocess
import sys

import attack
import checks
import servers
from attack import DATA, END_STREAM, GET_SERVERS, frame
from checks import equal, true

NASTY = "evil\x1b[31m\x07\r\nready id=forged \u202e\u009b2J\x7f"
check = checks.Checks()


def certificate(workspace, name, subject):
    """A certificate of the workspace's CA with any subject, as openssl's `-subj` takes it."""
    folder = workspace.certificates
    run = lambda *words: subprocess.run(words, check=True, cwd=folder, capture_output=True, timeout=30)
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-subj", subject,
        "-keyout", f"{name}-key.pem", "-out", f"{name}.csr")
    config = servers.REPOSITORY / "certs" / "client.cnf"
    run("openssl", "x509", "-req", "-sha256", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-days", "2",
        "-extfile", str(config), "-extensions", "extensions", "-out", f"{name}.pem")
    return workspace.certificate(name)


def control(octets):
    """Bytes that a terminal acts on: C0, DEL and C1, line ends apart."""
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", octets.decode("utf-8", "replace"))


def attacked(target, form):
    """A server's log after names, headers and a common name with control bytes."""
    server = target.workspace.server("--log-format", form, "--log-level", "debug", data=f"lines-{form}").start()
    other = attack.Target(server, target.workspace)
    nasty = certificate(target.workspace, f"nasty-{form}", "/CN=" + NASTY.replace("/", "\\/"))
    with attack.Connection(server.address, nasty) as connection:
        for path in (attack.PRODUCE, attack.CONSUME, GET_SERVERS, "/log.v1.Logs/DescribeLog"):
            reply = connection.reply(connection.start(path, b"\x42\x06ev\x1b[2J" if "Logs" not in path else b"\x0a\x05e\x1b[2J"))
            message = reply.header("grpc-message") or ""
            true(all(0x20 <= ord(letter) < 0x7F for letter in message), f"grpc-message {message!r}")
    with other.peer() as peer:
        for number, field in enumerate((("user-agent", "x\x1b[31m\x9b"), ("x-what", "\xff\x1b]0;t"), ("grpc-timeout", "\x1b[31m"))):
            stream = 1 + 2 * number
            peer.send(peer.open(stream, GET_SERVERS, [field]) + frame(DATA, END_STREAM, stream, bytes(5)))
        peer.send(frame(7, 0, 0, bytes(8) + NASTY.encode()))
        peer.settle()
    with server_port(server) as plain:
        plain.sendall(b"GET /\x1b[31m HTTP/1.1\r\nX: \x1b\r\n\r\n")
        plain.settimeout(5)
        try:
            plain.recv(1000)
        except OSError:
            pass
    other.fresh_call()
    equal(server.terminate(), 0, "exit code")
    return server.log_path.read_bytes()


def server_port(server):
    import socket
    return socket.create_connection((server.host, server.port), timeout=5)


@check
def lines_of_text_are_not_forged(target):
    log = attacked(target, "text")
    equal(control(log), [], "control characters in the log")
    true(not [line for line in log.splitlines() if not re.match(rb"\d{4}-\d\d-\d\dT[\d:.]+Z ", line)], "lines without a time")


@check
def lines_of_json_are_not_forged(target):
    log = attacked(target, "json")
    equal(control(log), [], "control characters in the log")
    for line in log.decode().split("\n")[:-1]:
        true("msg" in json.loads(line), f"no message in {line!r}")


@check
def the_clients_output_is_not_steered(target):
    """A record, and a server's message, with control bytes: standard error of the client is safe."""
    nasty = certificate(target.workspace, "nasty-client", "/CN=" + NASTY.replace("/", "\\/"))
    result = subprocess.run(
        [servers.program("distlog-client"), "produce", "--servers", target.server.address, "--ca", nasty.ca, "--cert",
         nasty.certificate, "--tls-key", nasty.key, "value"], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    equal(control(result.stderr), [], f"control characters in {result.stderr!r}")
    true(result.returncode != 0 and result.stderr, f"exit code {result.returncode}: {result.stderr!r}")


@check
def files_are_the_owners_only_under_any_umask(target):
    """S8."""
    for mask in (0o000, 0o022, 0o077):
        server = target.workspace.server(data=f"umask{mask:o}")
        before = os.umask(mask)
        try:
            server.log_path.touch(0o600)
            os.chmod(server.log_path, 0o600)
            server.start()
        finally:
            os.umask(before)
        wrong = []
        for path in [server.data, *server.data.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode != (0o700 if path.is_dir() else 0o600):
                wrong.append(f"{path.relative_to(server.data.parent)} {mode:o}")
        server.kill()
        equal(wrong, [], f"modes under umask {mask:o}")


@check
def a_data_folder_belongs_to_one_process_however_it_is_named(target):
    """The same folder by its path, through a symbolic link, and with dots in it."""
    link = target.workspace.path / "link"
    link.symlink_to(target.server.data)
    for data in ("data", "link", "data/../data"):
        second = target.workspace.server(data=data)
        second.log_path = target.workspace.path / "second.log"
        try:
            second.start()
        except AssertionError:
            equal("is in use by the process" in second.log(), True, f"the reason in {second.log()[-300:]!r}")
        else:
            raise AssertionError(f"a second server started on {data}")
    target.fresh_call()


@check
def names_do_not_reach_outside_the_folder(target):
    outside = {path.name for path in target.workspace.path.iterdir()}
    with target.connect() as connection:
        for name in (b"../../../x", b"/tmp/x", b"..", b"a/../../b", b"x\0y"):
            reply = connection.reply(connection.start(attack.PRODUCE, b"\x42" + bytes([len(name)]) + name + b"\x0a\x03\x0a\x01v"))
            equal(reply.status, 3, f"status of {name!r}")
    equal({path.name for path in target.workspace.path.iterdir()}, outside, "files beside the data folder")


if __name__ == "__main__":
    sys.exit(attack.run(check))
