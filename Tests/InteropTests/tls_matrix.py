"""Clients that must not get in, and what TLS is spoken: RELIABILITY rows S1 and S2, and handshakes that never end (L5).

Each is refused with an alert, without a byte of HTTP/2, and one line of the server's log names the reason.
"""

import datetime
import ipaddress
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

import authority
import checks
import servers
import stubs
from authority import Authority, Leaf, name, now, replace
from checks import equal, true, within
from stubs import log_pb2, log_pb2_grpc

LONG = 10
DAY = authority.DAY
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
check = checks.Checks()


def signed(common_name, issuer_name, issuer_key, key=None, hash=None, usages=CLIENT, ca=False):
    """A certificate with whatever is wrong with it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder().subject_name(name(common_name)).issuer_name(issuer_name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY).not_valid_after(now() + DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False))
    return Leaf(builder.sign(issuer_key, hash or hashes.SHA256()), key)


class Site:
    def __init__(self, workspace):
        self.folder = workspace.path
        self.ca = Authority("matrix CA")
        self.middle_key = ec.generate_private_key(ec.SECP256R1())
        self.middle = signed("middle CA", self.ca.name, self.ca.key, self.middle_key, ca=True)
        self.revoked = self.ca.leaf("root")
        node = self.ca.leaf("node1")
        middle_list = (
            x509.CertificateRevocationListBuilder().issuer_name(name("middle CA"))
            .last_update(now() - DAY).next_update(now() + DAY).sign(self.middle_key, hashes.SHA256()))
        for file, content in (
                ("node.pem", node.pem), ("node-key.pem", node.key_pem), ("ca.pem", self.ca.pem),
                ("crl.pem", self.ca.revocations(self.revoked.serial) + authority.pem(middle_list))):
            replace(self.folder / file, content)
        self.server = workspace.server(
            "--tls-cert", str(self.folder / "node.pem"), "--tls-key", str(self.folder / "node-key.pem"),
            "--tls-ca", str(self.folder / "ca.pem"), "--tls-crl", str(self.folder / "crl.pem")).start()
        self.good = self.credentials("good", self.ca.leaf("root"))

    def credentials(self, folder, leaf, chain=b""):
        place = self.folder / folder
        place.mkdir(exist_ok=True)
        replace(place / "root.pem", leaf.pem + chain)
        replace(place / "root-key.pem", leaf.key_pem)
        replace(place / "ca.pem", self.ca.pem)
        return servers.Credentials(place, "root")

    def context(self, credentials=None, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A client that would send anything: what counts is what the server takes.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_verify_locations(self.folder / "ca.pem")
        context.set_alpn_protocols(["h2"])
        if version:
            context.minimum_version = context.maximum_version = version
        if credentials:
            context.load_cert_chain(credentials.certificate, credentials.key)
        return context

    def connect(self, context):
        """What the server sends to a client that shook hands: b"" when it was cut off; raises ssl.SSLError on an alert."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=LONG) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
                return secured.recv(9)

    def calls_work(self):
        begun = time.monotonic()
        with stubs.channel(self.server.address, self.good) as channel:
            log_pb2_grpc.LogStub(channel).GetServers(log_pb2.GetServersRequest(), timeout=LONG)
        return time.monotonic() - begun


def rows(site):
    """Name, certificate (with what is sent behind it), words of the log."""
    other = Authority("other CA")
    plain = site.ca.leaf("not a CA", usages=CLIENT)
    plain_key = ec.generate_private_key(ec.SECP256R1())
    middle = signed("no CA", site.ca.name, site.ca.key, plain_key, ca=False)
    own_key = ec.generate_private_key(ec.SECP256R1())
    return [
        ("no certificate", None, b"", "showed no certificate"),
        ("self-signed", signed("root", name("root"), own_key, own_key), b"", "not signed by the CA in use"),
        ("another CA", other.leaf("root"), b"", "unknown CA"),
        ("another CA, sent along", other.leaf("root"), other.pem, "unknown CA (CN=other CA)"),
        ("expired", site.ca.leaf("root", lasts=-DAY / 2), b"", "has expired on"),
        ("not yet valid", site.ca.leaf("root", begins=DAY / 2), b"", "is not valid before"),
        ("a server's only", site.ca.leaf("root", usages=(ExtendedKeyUsageOID.SERVER_AUTH,)), b"", "not meant for"),
        ("revoked", site.revoked, b"", "was revoked"),
        ("signed by one that is no CA", signed("root", name("no CA"), plain_key), middle.pem, "not a CA"),
        ("a missing intermediate", signed("root", name("middle CA"), site.middle_key), b"", "unknown CA"),
        ("RSA of 1024 bits", signed("root", site.ca.name, site.ca.key,
                                    rsa.generate_private_key(public_exponent=65537, key_size=1024)), b"", "too weak"),
        ("SHA-1", sha1(site), b"", "too weak"),
    ]


def sha1(site):
    """Signed with SHA-1, which Python's library no longer does."""
    folder = site.folder / "sha1"
    folder.mkdir()
    replace(folder / "ca-key.pem", Leaf(site.ca.certificate, site.ca.key).key_pem)
    (folder / "extensions").write_text("extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n")
    for command in (
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=root -keyout key.pem -out request",
            f"openssl x509 -req -sha1 -in request -CA ../ca.pem -CAkey ca-key.pem -set_serial 77 -days 2"
            " -extfile extensions -out root.pem"):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=30)

    class Files:
        pem = (folder / "root.pem").read_bytes()
        key_pem = (folder / "key.pem").read_bytes()

    return Files


@check
def bad_certificates_are_refused_with_an_alert_and_a_reason(site):
    for number, (what, leaf, chain, words) in enumerate(rows(site)):
        credentials = site.credentials(f"row-{number}", leaf, chain) if leaf else None
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            before = site.server.log().count(words)
            try:
                answer = site.connect(site.context(credentials, version))
                raise AssertionError(f"{what} got in over {version.name}: {answer}")
            except ssl.SSLError as error:
                true("ALERT" in str(error).upper() or "EOF" in str(error).upper(), f"{what}: {error}")
            except ConnectionError:
                pass  # the alert was overtaken by the reset
            within(5, lambda: site.server.log().count(words) > before, f"the log names \"{words}\" for {what}")
        site.calls_work()
        # The server writes at most ten such lines a second.
        time.sleep(0.25)
    equal(site.connect(site.context(site.good))[3:5], b"\4\0", "a good certificate gets SETTINGS")


@check
def a_good_chain_through_an_intermediate_gets_in(site):
    leaf = signed("root", name("middle CA"), site.middle_key)
    credentials = site.credentials("chain", leaf, site.middle.pem)
    equal(site.connect(site.context(credentials))[3:5], b"\4\0", "SETTINGS")


@check
def only_modern_ciphers_are_spoken(site):
    names = subprocess.run(
        ["openssl", "ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True,
        timeout=30, check=True).stdout.strip().split(":")
    accepted = set()
    for cipher in names:
        if cipher.startswith("TLS_"):
            continue
        context = site.context(site.good, ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(f"{cipher}:@SECLEVEL=0")
        try:
            site.connect(context)
            accepted.add(cipher)
        except (ssl.SSLError, ConnectionError):
            pass
    # The server's key is ECDSA, so the RSA forms are not reached.
    equal(accepted, {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                     "ECDHE-ECDSA-CHACHA20-POLY1305"}, f"of {len(names)} ciphers")


@check
def old_versions_renegotiation_compression_and_resumption_are_refused(site):
    def client(*options, lines="Q\n"):
        return subprocess.run(
            ["openssl", "s_client", "-connect", site.server.address, "-CAfile", str(site.folder / "ca.pem"), "-cert",
             site.good.certificate, "-key", site.good.key, "-alpn", "h2", *options],
            capture_output=True, text=True, timeout=30, input=lines)

    for version in ("-tls1", "-tls1_1"):
        done = client(version, "-cipher", "DEFAULT@SECLEVEL=0")
        true(done.returncode != 0 and "protocol version" in done.stderr, f"{version}: {done.stderr}")
    done = client("-tls1_2", lines="R\n")
    true("no renegotiation" in done.stderr or "NO_RENEGOTIATION" in done.stderr.upper(), done.stderr[-300:])
    for version in ("-tls1_2", "-tls1_3"):
        done = client(version)
        true("Compression: NONE" in done.stdout, "compression")
        true("TLS session ticket:" not in done.stdout and "Reused" not in done.stdout, f"{version}: a ticket")
        true("Max Early Data: 0" in done.stdout or "Max Early Data" not in done.stdout, f"{version}: early data")
    for offer in ("http/1.1", "h3"):
        done = client("-alpn", offer)
        true("application protocol" in done.stderr, f"ALPN {offer}: {done.stderr[-300:]}")


@check
def handshakes_that_never_end_are_dropped_and_cost_others_nothing(site):
    """Slowloris on TLS and on the preface: each is cut off within some ten seconds, calls go on meanwhile."""
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(100)
    mute = [socket.create_connection(("127.0.0.1", site.server.port), timeout=20) for _ in range(60)]
    trickling = [socket.create_connection(("127.0.0.1", site.server.port), timeout=20) for _ in range(20)]
    secured = []
    for _ in range(20):
        plain = socket.create_connection(("127.0.0.1", site.server.port), timeout=20)
        secured.append(site.context(site.good).wrap_socket(plain, server_hostname="localhost"))
    begun = time.monotonic()
    stop = threading.Event()

    def trickle():
        sent = 0
        while not stop.wait(0.2) and sent < len(hello):
            for connection in trickling:
                try:
                    connection.send(hello[sent:sent + 1])
                except OSError:
                    pass
            sent += 1

    thread = threading.Thread(target=trickle)
    thread.start()
    slowest = max(site.calls_work() for _ in range(20))
    for connection in mute + trickling + secured:
        try:
            while connection.recv(4096):
                pass
        except TimeoutError:
            raise AssertionError("a handshake that never ends is kept") from None
        except OSError:
            pass
        connection.close()
    took = time.monotonic() - begun
    stop.set()
    thread.join()
    true(took < 15, f"the last was dropped after {took:.1f} s")
    site.calls_work()
    print(f"100 handshakes that never ended were dropped within {took:.1f} s; a new connection and call took at most "
          f"{slowest * 1000:.0f} ms beside them")


@check
def a_flood_of_handshakes_costs_others_nothing(site):
    """500 connections a second for two seconds that end in the middle of a handshake."""
    def flood():
        for _ in range(250):
            try:
                with socket.create_connection(("127.0.0.1", site.server.port), timeout=5) as plain:
                    plain.sendall(bytes.fromhex("1603010005010000"))
            except OSError:
                pass

    threads = [threading.Thread(target=flood) for _ in range(4)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    calls = 0
    while any(thread.is_alive() for thread in threads):
        site.calls_work()
        calls += 1
    took = time.monotonic() - begun
    true(calls > 0, "no call was made beside the flood")
    print(f"{1000 / took:.0f} broken handshakes a second; {calls} new connections and calls beside them, 0 failed")


if __name__ == "__main__":
    checks.give_up_after(150)
    with servers.Workspace() as shared:
        sys.exit(check.run(Site(shared), only=sys.argv[1:]))
