"""Certificates, CAs, revocation lists and rules that change under a running server.

    reload.py [--rotations 3] [--reload 200ms] [check...]
"""

import argparse
import pathlib
import signal
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc

import authority
import checks
import servers
import stubs
from authority import Authority, replace
from checks import equal, true, within
from stubs import log_pb2, log_pb2_grpc

LONG = 20
ROTATIONS = 3
RELOAD = "200ms"
check = checks.Checks()
RULES = "p, root, *, produce\np, root, *, consume\np, root, *, describe\n"


class Site:
    """A server whose files are ours to change."""

    def __init__(self, workspace, folder, *flags, crl=True):
        self.folder = workspace.path / folder
        self.folder.mkdir()
        self.ca = Authority(f"{folder} CA")
        self.clients_ca = self.ca
        self.node = self.ca.leaf("node1")
        self.put(node=self.node, ca=self.ca.pem, rules=RULES)
        if crl:
            self.put(crl=self.ca.revocations())
            flags = (*flags, "--tls-crl", str(self.folder / "crl.pem"))
        self.server = workspace.server(
            "--tls-cert", str(self.folder / "node.pem"), "--tls-key", str(self.folder / "node-key.pem"),
            "--tls-ca", str(self.folder / "ca.pem"), "--acl-policy", str(self.folder / "policy.csv"),
            *flags, data=f"{folder}/{folder}-data").start()

    def put(self, node=None, ca=None, crl=None, rules=None):
        if node:
            replace(self.folder / "node-key.pem", node.key_pem)
            replace(self.folder / "node.pem", node.pem)
        for name, content in (("ca.pem", ca), ("crl.pem", crl)):
            if content:
                replace(self.folder / name, content)
        if rules is not None:
            replace(self.folder / "policy.csv", rules.encode())

    def client(self, common_name="root", ca=None):
        """A client's certificate in files, and a channel's credentials for it."""
        leaf = (ca or self.ca).leaf(common_name)
        folder = self.folder / f"client-{leaf.serial}"
        folder.mkdir()
        replace(folder / f"{common_name}.pem", leaf.pem)
        replace(folder / f"{common_name}-key.pem", leaf.key_pem)
        replace(folder / "ca.pem", self.trusted())
        return leaf, servers.Credentials(folder, common_name)

    def trusted(self):
        return (self.folder / "ca.pem").read_bytes()

    def served_serial(self):
        """Of the certificate that the server shows now."""
        context = ssl.create_default_context(cadata=self.trusted().decode())
        context.set_alpn_protocols(["h2"])
        _, credentials = self.client()
        context.load_cert_chain(credentials.certificate, credentials.key)
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=LONG) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                return int(secured.getpeercert()["serialNumber"], 16)

    def says(self, words):
        return sum(words in line for line in self.server.log().splitlines())


class Load:
    """Producers and a follower that count what fails."""

    def __init__(self, address, credentials, producers=2):
        self.stopping = threading.Event()
        self.failures = []
        self.produced = 0
        self.followed = 0
        self.channel = stubs.channel(address, credentials)
        self.log = log_pb2_grpc.LogStub(self.channel)
        self.threads = [threading.Thread(target=self.produce) for _ in range(producers)]
        self.threads.append(threading.Thread(target=self.follow))
        for thread in self.threads:
            thread.start()

    def produce(self):
        request = log_pb2.ProduceRequest(record=log_pb2.Record(value=bytes(100)))
        while not self.stopping.is_set():
            try:
                self.log.Produce(request, timeout=LONG)
                self.produced += 1
            except grpc.RpcError as error:
                self.failures.append(f"produce: {error.code()} {error.details()}")

    def follow(self):
        self.stream = self.log.ConsumeStream(log_pb2.ConsumeRequest(offset=0))
        try:
            for answer in self.stream:
                equal(answer.record.offset, self.followed, "offset")
                self.followed += 1
        except grpc.RpcError as error:
            if not self.stopping.is_set():
                self.failures.append(f"consume: {error.code()} {error.details()}")

    def stop(self):
        self.stopping.set()
        self.stream.cancel()
        for thread in self.threads:
            thread.join(LONG)
        self.channel.close()


@check
def rotations_under_load_fail_no_request(workspace):
    site = Site(workspace, "rotations", "--tls-reload", RELOAD)
    _, credentials = site.client()
    load = Load(site.server.address, credentials)
    longest = 0
    try:
        old = site.ca
        for turn in range(ROTATIONS):
            before = site.served_serial()
            errors = site.says("were not reloaded")
            half_written(site)
            within(5, lambda: site.says("were not reloaded") > errors, "a bad file is complained of")
            equal(site.served_serial(), before, "the certificate beside a bad file")
            old = next_generation(site, turn, old)
            begun = time.monotonic()
            within(5, lambda: site.served_serial() == site.node.serial, "the new certificate is shown")
            longest = max(longest, time.monotonic() - begun)
    finally:
        load.stop()
    equal(load.failures, [], "failures")
    true(load.produced > 20 * ROTATIONS and load.followed > 0, f"{load.produced} {load.followed}")
    print(f"{ROTATIONS} rotations, {load.produced} produced, {load.followed} followed, 0 failed; "
          f"a new certificate was seen after at most {longest:.1f} s")
    equal(site.server.terminate(), 0)


def half_written(site):
    """A file cut in the middle, under its own name: what a copy that is under way looks like."""
    content = site.node.pem
    (site.folder / "node.pem").write_bytes(content[:len(content) // 2])
    (site.folder / "policy.csv").write_bytes(b"p, root, *, prod")


def next_generation(site, turn, old):
    """Another certificate each turn; every other turn of another CA, in a bundle with the one before and the clients'."""
    if turn % 2 == 1:
        old, site.ca = site.ca, Authority(f"CA {turn}")
    trusted = {id(ca): ca for ca in (site.ca, old, site.clients_ca)}.values()
    bundle = b"".join(ca.pem for ca in trusted)
    lists = b"".join(ca.revocations() for ca in trusted)
    site.node = (old if turn % 2 == 1 else site.ca).leaf("node1")
    # The lists first: a CA without one lets nobody in.
    site.put(crl=lists)
    site.put(ca=bundle, rules=RULES + f"# turn {turn}\n")
    site.put(node=site.node)
    return old


@check
def a_revoked_client_is_cut_off_and_others_go_on(workspace):
    site = Site(workspace, "revoked", "--tls-reload", RELOAD)
    leaf, credentials = site.client()
    _, others = site.client()
    with stubs.channel(site.server.address, others) as staying:
        stays = log_pb2_grpc.LogStub(staying)
        stays.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
        with stubs.channel(site.server.address, credentials) as channel:
            log = log_pb2_grpc.LogStub(channel)
            stream = log.ConsumeStream(log_pb2.ConsumeRequest(offset=0))
            log.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
            begun = time.monotonic()
            site.put(crl=site.ca.revocations(leaf.serial))
            error = stubs.failure(lambda: next(stream))
            took = time.monotonic() - begun
            true(took < 10, f"cut off after {took:.1f} s")
            equal(error.code, grpc.StatusCode.UNAVAILABLE, "the stream's end")
            stubs.expect(
                lambda: log.GetServers(log_pb2.GetServersRequest(), timeout=3),
                grpc.StatusCode.UNAVAILABLE)
        stays.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
    within(5, lambda: site.says("was revoked") >= 2, "the log names the reason")
    print(f"a revoked client was cut off after {took:.1f} s")
    equal(site.server.terminate(), 0)


@check
def a_list_that_expired_or_is_missing_lets_nobody_in(workspace):
    for folder, lists, words in (
            ("stale", lambda site: site.ca.revocations(lasts=-authority.DAY), "has expired; a new one is needed"),
            ("unlisted", lambda _: Authority("other CA").revocations(), "there is no revocation list of its CA")):
        site = Site(workspace, folder, "--tls-reload", RELOAD)
        _, credentials = site.client()
        with stubs.channel(site.server.address, credentials) as channel:
            log = log_pb2_grpc.LogStub(channel)
            log.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
            site.put(crl=lists(site))
            within(10, lambda: site.says(words), f"the log says: {words}")
            stubs.expect(
                lambda: log.GetServers(log_pb2.GetServersRequest(), timeout=3), grpc.StatusCode.UNAVAILABLE)
            site.put(crl=site.ca.revocations())
            within(10, lambda: works(log), "a good list lets clients in again")
        equal(site.server.terminate(), 0)


def works(log):
    try:
        log.GetServers(log_pb2.GetServersRequest(), timeout=1)
        return True
    except grpc.RpcError:
        return False


@check
def an_authority_that_is_taken_away_ends_its_clients(workspace):
    site = Site(workspace, "removed", "--tls-reload", RELOAD, crl=False)
    _, credentials = site.client()
    with stubs.channel(site.server.address, credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        stream = log.ConsumeStream(log_pb2.ConsumeRequest(offset=0))
        log.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
        site.put(ca=Authority("new CA").pem)
        equal(stubs.failure(lambda: next(stream)).code, grpc.StatusCode.UNAVAILABLE)
    within(5, lambda: site.says("ending a connection whose certificate is no longer good"), "the log tells why")
    equal(site.server.terminate(), 0)


@check
def a_certificate_that_expires_ends_its_connection(workspace):
    site = Site(workspace, "expiring", crl=False)
    leaf = site.ca.leaf("root", lasts=__import__("datetime").timedelta(seconds=6))
    folder = site.folder / "short"
    folder.mkdir()
    replace(folder / "root.pem", leaf.pem)
    replace(folder / "root-key.pem", leaf.key_pem)
    replace(folder / "ca.pem", site.ca.pem)
    with stubs.channel(site.server.address, servers.Credentials(folder, "root")) as channel:
        stream = log_pb2_grpc.LogStub(channel).ConsumeStream(log_pb2.ConsumeRequest(offset=0), timeout=LONG)
        equal(stubs.failure(lambda: next(stream)).code, grpc.StatusCode.UNAVAILABLE, "the stream's end")
    within(5, lambda: site.says("has expired while it was connected"), "the log tells why")
    equal(site.server.terminate(), 0)


@check
def changed_rules_apply_to_open_streams(workspace):
    site = Site(workspace, "rules", "--tls-reload", RELOAD)
    _, credentials = site.client()
    with stubs.channel(site.server.address, credentials) as channel:
        log = log_pb2_grpc.LogStub(channel)
        stream = log.ConsumeStream(log_pb2.ConsumeRequest(offset=0))
        producing = threading.Event()

        def requests():
            yield log_pb2.ProduceRequest(record=log_pb2.Record(value=b"one"))
            producing.wait(LONG)

        produced = log.ProduceStream(requests())
        equal(next(produced).offset, 0)
        equal(next(stream).record.value, b"one")
        begun = time.monotonic()
        site.put(rules="p, root, *, describe\n")
        for call in (stream, produced):
            stubs.expect(lambda: next(call), grpc.StatusCode.PERMISSION_DENIED, "ACL_DENIED")
        true(time.monotonic() - begun < 5, "within 5 s")
        producing.set()
        stubs.expect(lambda: log.Consume(log_pb2.ConsumeRequest(), timeout=LONG),
                     grpc.StatusCode.PERMISSION_DENIED, "ACL_DENIED")
        log.GetServers(log_pb2.GetServersRequest(), timeout=LONG)
        site.put(rules="p, root, *, nonsense\n")
        within(5, lambda: site.says("access rules were not reloaded"), "a bad line is complained of")
        time.sleep(1)  # Five more looks at a file that did not change.
        equal(site.says("access rules were not reloaded"), 1, "complaints")
        within(5, lambda: site.says("policy.csv:1"), "the file and line are named")
        site.put(rules=RULES)
        within(5, lambda: allowed(log), "the rules are back")
        # Cut before the word that denies: not taken for the whole.
        site.put(rules=RULES + "p, root, *, consume")
        within(5, lambda: site.says("the last line has no end"), "a half-written file is complained of")
        true(allowed(log), "the old rules stay")
        site.put(rules=RULES)
    equal(site.server.terminate(), 0)


def allowed(log):
    try:
        return log.Consume(log_pb2.ConsumeRequest(), timeout=LONG).record.value == b"one"
    except grpc.RpcError:
        return False


@check
def sighup_reloads_at_once(workspace):
    site = Site(workspace, "hangup", "--tls-reload", "0s")
    site.node = site.ca.leaf("node1")
    before = site.served_serial()
    site.put(node=site.node)
    true(site.served_serial() == before, "nothing is reloaded by itself")
    site.server.signal(signal.SIGHUP)
    within(5, lambda: site.served_serial() == site.node.serial, "the new certificate is shown")
    equal(site.server.terminate(), 0)


@check
def plain_text_on_the_port_is_answered_readably(workspace):
    site = Site(workspace, "plain")
    for request, expected in (
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
            (b"POST /log.v1.Log/Produce HTTP/1.1\r\n\r\n" + bytes(100_000), b"HTTP/1.1 400 Bad Request\r\n"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\1\1\5\0\0\0\1\x82",
             b"\0\0\0\4\0\0\0\0\0"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" * 4000, b"\0\0\0\4\0\0\0\0\0"),
            (b"\x00garbage" + bytes(100), b"")):
        with socket.create_connection(("127.0.0.1", site.server.port), timeout=LONG) as plain:
            plain.sendall(request)
            answer = b""
            while True:
                try:
                    part = plain.recv(65536)
                except ConnectionError:
                    break
                if not part:
                    break
                answer += part
        true(answer.startswith(expected), f"{request[:20]} is answered {answer[:60]}")
        if expected:
            true(b"gRPC over HTTP/2 and TLS" in answer, f"{answer}")
    with grpc.insecure_channel(site.server.address) as channel:
        error = stubs.failure(
            lambda: log_pb2_grpc.LogStub(channel).GetServers(log_pb2.GetServersRequest(), timeout=3))
        equal(error.code, grpc.StatusCode.UNAVAILABLE)
        true("gRPC over HTTP/2 and TLS" in error.message, error.message)
    within(5, lambda: site.says("it speaks plain HTTP/1, not TLS") >= 2, "the log tells of HTTP/1")
    within(5, lambda: site.says("it speaks plain HTTP/2, not TLS") >= 1, "the log tells of HTTP/2")
    equal(site.server.terminate(), 0)


def main():
    global ROTATIONS, RELOAD
    parser = argparse.ArgumentParser()
    parser.add_argument("--rotations", type=int, default=ROTATIONS)
    parser.add_argument("--reload", default=RELOAD)
    parser.add_argument("checks", nargs="*")
    options = parser.parse_args()
    ROTATIONS, RELOAD = options.rotations, options.reload
    checks.give_up_after(120 + 20 * ROTATIONS)
    with servers.Workspace() as workspace:
        return check.run(workspace, only=options.checks)


if __name__ == "__main__":
    sys.exit(main())
