"""Starts, watches and ends clusters of real `distlogd` processes on loopback."""

import datetime
import ipaddress
import json
import random
import shutil
import socket
import subprocess
import sys
import time

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import authority
import checks
import servers
import stubs
from stubs import log_pb2, log_pb2_grpc

LONG = 30  # seconds

# For checks that are of other things than how soon another server leads. On a shared machine a process may get no time for
# longer than the 400 ms that are the default, and then loses its office as it should.
CALM = ["--raft-election-timeout", "1500ms"]


def free_ports(count):
    """Ports that nobody listens at; members must know each other's before they start. Not of those that the system gives to
    outgoing connections, which could take one before its server does."""
    sockets = []
    while len(sockets) < count:
        made = socket.socket()
        try:
            made.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
        except OSError:
            made.close()
            continue
        sockets.append(made)
    ports = [made.getsockname()[1] for made in sockets]
    for made in sockets:
        made.close()
    return ports


def issue(workspace, name, host="127.0.0.1"):
    """Makes sure that there is a certificate for `name` at `host`, signed by the workspace's CA, for servers and clients."""
    folder = workspace.certificates
    if host == "127.0.0.1" and (folder / f"{name}.pem").exists():
        return
    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(host))]
    leaf = (x509.CertificateBuilder().subject_name(authority.name(name)).issuer_name(ca.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(authority.now() - authority.DAY)
            .not_valid_after(authority.now() + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(authority.BOTH), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(ca_key, hashes.SHA256()))
    (folder / f"{name}.pem").write_bytes(authority.pem(leaf))
    (folder / f"{name}-key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / f"{name}-key.pem").chmod(0o600)


class Node(servers.Server):
    """One server of a cluster, at a port that stays its own."""

    def __init__(self, cluster, number, port, flags, place=None):
        super().__init__(cluster.workspace, cluster.workspace.path / f"node{number}", flags)
        self.cluster, self.number, self.id, self.place = cluster, number, f"node{number}", place
        self.port = self.fixed_port = port
        if place:
            self.host, self.wrapper = place.host, place.wrapper
        issue(cluster.workspace, self.id, self.host)
        self.expect = None

    def command(self):
        words = super().command()
        words[words.index("--id") + 1] = self.id
        own = self.workspace.certificate(self.id)
        words[words.index("--tls-cert") + 1] = own.certificate
        words[words.index("--tls-key") + 1] = own.key
        words[words.index("--listen") + 1] = f"{self.host}:{self.fixed_port}"
        words[words.index("--expect") + 1] = str(self.cluster.expected if self.expect is None else self.expect)
        return words + ["--join", ",".join(self.cluster.seeds), "--tls-peer-names", "node*"]

    def begin(self):
        """Starts it without waiting for it to be ready."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def await_ready(self, within=servers.READY_WITHIN):
        line = self._line(time.monotonic() + within)
        if not servers.READY.match(line):
            self.kill()
            raise AssertionError(f"{self.id} said {line!r} and not `ready`; its log:\n{self.log()}")
        return self

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def call(self, function, credentials=None):
        """Runs `function(channel)` with a channel of its own to this server."""
        with stubs.channel(self.address, credentials or self.cluster.root) as channel:
            return function(channel)


class Cluster:
    """Servers that find each other by their first ones. Use it with a `servers.Workspace`.

    `places` are where they run, one for each (network.Place); on loopback without.
    """

    def __init__(self, workspace, count=3, expected=3, seeds=3, flags=(), places=()):
        self.workspace, self.expected = workspace, expected
        self.root = workspace.certificate("root")
        ports = free_ports(count)
        self.flags = list(flags)
        self.nodes = []
        for number, port in enumerate(ports, 1):
            self._add(number, port, *places[number - 1:number])
        self.seeds = [node.address for node in self.nodes[:seeds]]

    def _add(self, number, port, place=None):
        node = Node(self, number, port, self.flags, place)
        self.workspace.servers.append(node)
        self.nodes.append(node)
        return node

    def another(self):
        """One more server, not started, that is to join."""
        node = self._add(len(self.nodes) + 1, free_ports(1)[0])
        node.expect = 0
        return node

    def start(self, nodes=None):
        nodes = self.nodes if nodes is None else nodes
        for node in nodes:
            node.begin()
        for node in nodes:
            node.await_ready()
        return self

    def tell(self):
        """The last words of all: where a check fails they say more than a number."""
        for node in self.nodes:
            print(f"{node.id}:", *node.log().splitlines()[-15:], sep="\n  ", file=sys.stderr)

    def discard(self):
        """Nothing of it is left, so that another may take its place."""
        self.tell()
        for server in self.workspace.servers:
            server.kill()
        for path in self.workspace.path.glob("node*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def up(self):
        return [node for node in self.nodes if node.is_up()]

    def node(self, name):
        return next(node for node in self.nodes if node.id == name)

    def leader(self, within=15, among=None):
        """The server that leads, once a majority of those that are up say so, it among them."""
        def found():
            told = {}
            for node in among or self.up():
                try:
                    told[node.id] = servers_of(node)
                except grpc.RpcError:
                    continue
            names = [answer.leader_id for answer in told.values()]
            for name in set(names) - {""}:
                if 2 * names.count(name) > len(names) and name in told and told[name].leader_id == name:
                    return self.node(name)
            return None
        return checks.within(within, found, "a leader that its servers know")

    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def client(self, *words, servers_at=None, code=0, text=None, timeout=60):
        """Runs distlog-client; gives what it printed."""
        found = subprocess.run(
            [servers.program("distlog-client"), "--servers", servers_at or self.addresses(), "--ca", self.root.ca,
             "--cert", self.root.certificate, "--key", self.root.key, *words],
            input=text, capture_output=True, timeout=timeout)
        checks.equal(found.returncode, code, f"exit code of {' '.join(words)} ({found.stderr.decode()[-300:]})")
        return found.stdout

    def verify(self):
        """All servers hold the same: asks until those that were behind have caught up."""
        checks.within(20, lambda: self._all_equal_ends(), "all servers end at one offset")
        return json.loads(self.client("-o", "json", "cluster", "verify"))

    def _all_equal_ends(self):
        ends = set()
        for node in self.up():
            ends.add(node.call(lambda channel: log_pb2_grpc.LogsStub(channel).DescribeLog(
                log_pb2.DescribeLogRequest(), timeout=LONG)).end_offset)
        return len(ends) == 1


def stands_in_vain(removed, others, go_on):
    """A server that was removed while it was down knows nothing of it, and stands for election without end: until `go_on()`,
    which says that the others have done much meanwhile, it wins nothing and moves no term."""
    def state(node):
        return node.call(lambda channel: log_pb2_grpc.ClusterStub(channel).GetStatus(
            log_pb2.GetStatusRequest(), timeout=LONG))
    term = state(others[0]).term
    removed.start()
    checks.within(20, lambda: state(removed).raft_state == "candidate", f"{removed.id} stands for election")
    checks.within(60, go_on, "the others go on")
    checks.equal(state(removed).raft_state, "candidate", f"what {removed.id} is")
    checks.equal([state(node).term for node in others], [term] * len(others), "the terms: nobody was disturbed")


def servers_of(node):
    return node.call(lambda channel: log_pb2_grpc.LogStub(channel).GetServers(
        log_pb2.GetServersRequest(include_learners=True), timeout=5))


def read_all(node, start=0):
    """All records of a server up to its committed end, as (offset, value)."""
    found = []

    def read(channel):
        request = log_pb2.ConsumeRequest(
            offset=start, stop=log_pb2.STOP_END, max_records=10_000, max_bytes=1 << 20)
        for response in log_pb2_grpc.LogStub(channel).ConsumeStream(request, timeout=120):
            found.extend((record.offset, record.value) for record in response.records)
    with stubs.channel(node.address, node.cluster.root, **{"grpc.max_receive_message_length": -1}) as channel:
        read(channel)
    return found


class Producer:
    """An idempotent producer over stock grpcio: follows the leader and sends again what is in doubt."""

    def __init__(self, cluster, name, history, credentials=None):
        self.cluster, self.name, self.history = cluster, name, history
        self.credentials = credentials or cluster.root
        self.sequence = 0
        self.identity = None
        self.channels = {}
        self.target = cluster.nodes[0].address
        self.longest_gap = 0.0
        self.refusals = {}
        # Reasons that are no problem, beside those that go by themselves.
        self.bears_with = set()
        self._last = None

    def close(self):
        for channel in self.channels.values():
            channel.close()

    def _stub(self, kind):
        if self.target not in self.channels:
            self.channels[self.target] = stubs.channel(
                self.target, self.credentials, **{
                    "grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 200})
        return kind(self.channels[self.target])

    def _retry(self, call, within):
        """Calls until it is answered, at whoever leads."""
        end = time.monotonic() + within
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                failure = stubs.Failure(error)
                reason = failure.info.reason if failure.info else error.code().name
                self.refusals[reason] = self.refusals.get(reason, 0) + 1
                if time.monotonic() > end or reason not in (
                        "NOT_LEADER", "NO_LEADER", "NOT_READY", "DRAINING", "OUTCOME_UNKNOWN", "UNAVAILABLE",
                        "DEADLINE_EXCEEDED", "CANCELLED", "STORAGE_FAILED", *self.bears_with):
                    raise AssertionError(f"producer {self.name}: {reason}: {error.details()}") from error
                leader = failure.info.metadata.get("leader_addr") if failure.info else None
                self.target = leader or self._next()
                if not leader:
                    time.sleep(0.02)

    def _next(self):
        addresses = [node.address for node in self.cluster.nodes]
        place = addresses.index(self.target) + 1 if self.target in addresses else 0
        return addresses[place % len(addresses)]

    def produce(self, count=1, size=10, within=20):
        """One request; its first offset."""
        if self.identity is None:
            self.identity = self._retry(lambda: self._stub(log_pb2_grpc.ProducersStub).InitProducer(
                log_pb2.InitProducerRequest(), timeout=2), within)
        values = [b"%s:%d:" % (self.name.encode(), self.sequence + place) + b"x" * size for place in range(count)]
        self.history.sent(values)
        request = log_pb2.ProduceRequest(
            records=[log_pb2.Record(value=value) for value in values], producer_id=self.identity.producer_id,
            producer_epoch=self.identity.producer_epoch, sequence=self.sequence)
        self.sequence += count
        answer = self._retry(lambda: self._stub(log_pb2_grpc.LogStub).Produce(request, timeout=2), within)
        checks.equal(answer.last_offset - answer.offset, count - 1, "records acknowledged")
        self.history.acked(values, answer.offset)
        now = time.monotonic()
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        return answer
