"""`distlog-client doctor` in set-ups that are broken, each in one way: it names the cause, and ends with its code."""

import datetime
import json
import pathlib
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import authority
import checks
import servers
from authority import Authority, replace
from checks import equal, true

check = checks.Checks()


class Setup:
    """One good server, and files to break things with."""

    def __init__(self, workspace):
        self.folder = workspace.path
        self.ca = Authority("doctor CA")
        self.other = Authority("other CA")
        self.files("ca", ca=self.ca)
        self.files("other", ca=self.other)
        self.files("node", self.ca.leaf("node1"))
        self.files("root", self.ca.leaf("root"))
        self.files("stranger", self.other.leaf("root"))
        self.files("nobody", self.ca.leaf("nobody"))
        self.files("expired", self.ca.leaf(
            "root", lasts=-authority.DAY, begins=datetime.timedelta(days=-9)))
        self.files("old-node", self.ca.leaf("node1", lasts=datetime.timedelta(seconds=3)))
        self.workspace = workspace
        self.server = self.serve("good")

    def files(self, name, leaf=None, ca=None):
        if ca:
            replace(self.folder / f"{name}.pem", ca.pem)
            return
        replace(self.folder / f"{name}.pem", leaf.pem)
        replace(self.folder / f"{name}-key.pem", leaf.key_pem)

    def serve(self, data, *flags, node="node"):
        return self.workspace.server(
            "--tls-cert", str(self.folder / f"{node}.pem"), "--tls-key", str(self.folder / f"{node}-key.pem"),
            "--tls-ca", str(self.folder / "ca.pem"), *flags, data=data).start()

    def run(self, address=None, ca="ca", cert="root", key=None, extra=()):
        command = [
            servers.program("distlog-client"), "--ca", self.folder / f"{ca}.pem", "--timeout", "3s", *extra,
            "-o", "json"]
        if cert:
            command += ["--cert", self.folder / f"{cert}.pem", "--key", self.folder / f"{key or cert}-key.pem"]
        command += ["doctor", address or f"localhost:{self.server.port}"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=30)
        report = json.loads(done.stdout)
        failed = [step for step in report["steps"] if step["state"] == "FAIL"]
        equal(report["healthy"], not failed, "healthy")
        return done.returncode, failed, report

    def breaks(self, step, words, code, **options):
        """The first failing step, words that its sentence has, the exit code."""
        found, failed, report = self.run(**options)
        true(failed, f"nothing failed: {report}")
        equal(failed[0]["step"], step, "step")
        told = failed[0]["detail"] + " " + failed[0].get("hint", "")
        for word in words:
            true(word in told, f"\"{word}\" is not in: {told}")
        equal(found, code, "exit code")


@check
def a_good_set_up_is_healthy(setup):
    code, failed, report = setup.run()
    equal((code, failed), (0, []))
    names = [step["step"] for step in report["steps"]]
    for name in ("settings", "client certificate", "name", "port", "TLS, HTTP/2 and gRPC", "access rules",
                 "advertised address"):
        true(name in names, f"{name} is not in {names}")


@check
def nothing_listens(setup):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    setup.breaks("port", ["refused", f"localhost:{port}"], 69, address=f"localhost:{port}")


@check
def the_name_does_not_resolve(setup):
    setup.breaks("name", ["does-not-exist.invalid"], 69, address="does-not-exist.invalid:8400")


@check
def a_plain_http_server_listens(setup):
    with socket.create_server(("127.0.0.1", 0)) as plain:
        def serve():
            while True:
                try:
                    connection, _ = plain.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    try:
                        connection.recv(4096)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        setup.breaks("TLS, HTTP/2 and gRPC", ["does not speak TLS"], 76,
                     address=f"localhost:{plain.getsockname()[1]}")


@check
def nobody_answers_on_the_port(setup):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        setup.breaks("TLS, HTTP/2 and gRPC", ["did not answer within"], 69,
                     address=f"localhost:{mute.getsockname()[1]}")


@check
def the_ca_file_is_of_another_ca(setup):
    setup.breaks("TLS, HTTP/2 and gRPC", ["unknown CA", "doctor CA", "other.pem"], 76, ca="other")


@check
def the_client_certificate_is_of_another_ca(setup):
    setup.breaks("TLS, HTTP/2 and gRPC", ["not signed by a CA that it trusts", "stranger.pem"], 76, cert="stranger")


@check
def the_client_certificate_has_expired(setup):
    setup.breaks("client certificate", ["expired.pem has expired on"], 78, cert="expired")


@check
def there_is_no_client_certificate(setup):
    setup.breaks("TLS, HTTP/2 and gRPC", ["requires a client certificate"], 76, cert=None)


@check
def the_name_is_not_in_the_servers_certificate(setup):
    setup.breaks("TLS, HTTP/2 and gRPC", ["not valid for that name"], 76, extra=("--server-name", "elsewhere"))


@check
def the_key_is_of_another_certificate(setup):
    setup.breaks("client certificate", ["does not belong to the certificate", "nobody-key.pem"], 78, key="nobody")


@check
def the_ca_file_is_missing(setup):
    setup.breaks("client certificate", ["none.pem", "does not exist"], 78, ca="none")


@check
def the_servers_certificate_has_expired(setup):
    server = setup.serve("old", node="old-node")
    checks.within(10, lambda: setup.run(address=f"localhost:{server.port}")[0] == 76, "it expires")
    setup.breaks("TLS, HTTP/2 and gRPC", ["has expired on"], 76, address=f"localhost:{server.port}")
    equal(server.terminate(), 0)


@check
def no_rule_allows_the_subject_anything(setup):
    setup.breaks("access rules", ["nobody", "not permitted"], 77, cert="nobody")


@check
def the_advertised_address_cannot_be_reached(setup):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = setup.serve("advertised", "--advertise-rpc", f"127.0.0.1:{port}")
    setup.breaks("advertised address", [f"127.0.0.1:{port}", "advertise.rpc"], 69,
                 address=f"localhost:{server.port}")
    equal(server.terminate(), 0)


@check
def certificates_are_shown_and_judged(setup):
    def cert(*arguments, code=0):
        done = subprocess.run(
            [servers.program("distlog-client"), "cert", *map(str, arguments)], capture_output=True, text=True, timeout=30)
        equal(done.returncode, code, f"exit code of {arguments} ({done.stderr})")
        return done.stdout

    folder = setup.folder
    shown = json.loads(cert("show", folder / "node.pem", "-o", "json"))
    equal((shown["commonName"], shown["use"]), ("node1", "server, client"))
    true("127.0.0.1" in shown["names"] and "localhost" in shown["names"], shown["names"])
    digest = subprocess.run(
        ["openssl", "x509", "-in", folder / "node.pem", "-noout", "-fingerprint", "-sha256", "-serial"],
        capture_output=True, text=True, timeout=30).stdout
    true(shown["sha256"] in digest and shown["serial"] in digest, f"{shown} {digest}")
    ca, key = ("--ca", folder / "ca.pem"), ("--key", folder / "root-key.pem")
    true(cert("check", folder / "root.pem", *ca, *key, "--days", "0").startswith("good"), "a good one")
    equal(cert("check", folder / "node.pem", *ca, "--server", "--host", "localhost", "--days", "0")[:4], "good")
    for arguments, words in (
            ((folder / "expired.pem",), "has expired on"),
            ((folder / "root.pem",), "expires in 0 days"),
            ((folder / "ca.pem",), "is a CA's"),
            ((folder / "stranger.pem", *ca, "--days", "0"), "unknown CA"),
            ((folder / "root.pem", "--key", folder / "nobody-key.pem", "--days", "0"), "does not belong to the key"),
            ((folder / "node.pem", "--server", "--host", "example.org", "--days", "0"), "not valid for example.org")):
        told = cert("check", *arguments, code=10)
        true(words in told, f"\"{words}\" is not in: {told}")
    cert("check", folder / "none.pem", code=74)
    cert("show", folder / "root-key.pem", code=78)


if __name__ == "__main__":
    checks.give_up_after(150)
    with servers.Workspace() as shared:
        sys.exit(check.run(Setup(shared), only=sys.argv[1:]))
