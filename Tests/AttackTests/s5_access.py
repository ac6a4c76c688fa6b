"""S5 and S10: who may do what through the real server, against a second reading of the rules; what refusals give away.

Prints `ok <name>` or `FAIL <name>: <why>` for each check. Usage: s5_access.py [--strict] [--long] [NAME...]
"""

import random
import sys

import aclmodel
import attack
import checks
from attack import CONSUME, CONSUME_STREAM, GET_SERVERS, PRODUCE, PRODUCE_STREAM
from checks import equal, true
from stubs import health_pb2, log_pb2

OK, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED = 0, 3, 5, 7
SEED, POLICIES = 20261126, 60 if attack.LONG else 6
UPDATE, TRUNCATE = "/log.v1.Logs/UpdateLog", "/log.v1.Logs/TruncateLog"
DESCRIBE, LIST, FIND = "/log.v1.Logs/DescribeLog", "/log.v1.Logs/ListLogs", "/log.v1.Logs/FindOffset"
# The table in docs/operations.md.
BACKUP, INIT = "/log.v1.Cluster/Backup", "/log.v1.Producers/InitProducer"
STATUS, CHECKSUM = "/log.v1.Cluster/GetStatus", "/log.v1.Cluster/Checksum"
ADD, PROMOTE = "/log.v1.Cluster/AddServer", "/log.v1.Cluster/PromoteServer"
REMOVE, TRANSFER = "/log.v1.Cluster/RemoveServer", "/log.v1.Cluster/TransferLeadership"
# There is nobody to add, promote, remove or hand over to: who may ask is answered otherwise than by a refusal of the rules.
CHANGES = (ADD, PROMOTE, REMOVE, TRANSFER)
# These name no log.
NAMELESS = (INIT, ADD, PROMOTE, REMOVE)
RULES = {PRODUCE: b"produce", PRODUCE_STREAM: b"produce", CONSUME: b"consume", CONSUME_STREAM: b"consume", FIND: b"consume",
         DESCRIBE: b"describe", LIST: b"describe", BACKUP: b"backup", INIT: b"produce", GET_SERVERS: None, STATUS: b"cluster.read",
         CHECKSUM: b"consume", UPDATE: b"configure", TRUNCATE: b"truncate",
         **dict.fromkeys(CHANGES, b"cluster.admin")}
ODD_NAMES = ["other", "Default", "DEFAULT", "default ", " default", "default.", ".default", "default\0", "default/", "/default",
             "../default", "..", ".", "*", "def*", "d\u0435fault", "\uff44efault", "default\u200b", "defaul\u0074\u0301", "log:default",
             "default\n", "default\x1b[31m", "/etc/passwd", "a" * 129, "x" * 65_000]
check = checks.Checks()


def request(path, name=""):
    """A request of a method for the log of this name."""
    record = log_pb2.Record(value=b"access")
    return {PRODUCE: log_pb2.ProduceRequest(log=name, record=record),
            PRODUCE_STREAM: log_pb2.ProduceRequest(log=name, record=record),
            CONSUME: log_pb2.ConsumeRequest(log=name, start=log_pb2.START_EARLIEST, wait_ms=1),
            CONSUME_STREAM: log_pb2.ConsumeRequest(log=name, start=log_pb2.START_EARLIEST, stop=log_pb2.STOP_END),
            FIND: log_pb2.FindOffsetRequest(log=name), DESCRIBE: log_pb2.DescribeLogRequest(name=name),
            UPDATE: log_pb2.UpdateLogRequest(name=name), TRUNCATE: log_pb2.TruncateLogRequest(name=name),
            INIT: log_pb2.InitProducerRequest(), STATUS: log_pb2.GetStatusRequest(log=name),
            CHECKSUM: log_pb2.ChecksumRequest(log=name), ADD: log_pb2.AddServerRequest(id="x", rpc_addr="127.0.0.1:1"),
            PROMOTE: log_pb2.PromoteServerRequest(id="x"), REMOVE: log_pb2.RemoveServerRequest(id="x"),
            TRANSFER: log_pb2.TransferLeadershipRequest(to_id="x", log=name),
            BACKUP: log_pb2.BackupRequest(logs=[name] if name else []),
            LIST: log_pb2.ListLogsRequest(prefix=name), GET_SERVERS: log_pb2.GetServersRequest(log=name)}[path].SerializeToString()


def answer(connection, path, name=""):
    reply = connection.reply(connection.start(path, request(path, name)))
    return reply.status, reply.header("grpc-message"), reply.header("grpc-status-details-bin"), len(reply.messages)


def server_with(target, policy, name):
    path = target.workspace.path / f"{name}.csv"
    path.write_bytes(policy)
    server = target.workspace.server(data=name)
    usual = server.command

    def command():
        words = usual()
        words[words.index("--acl-policy") + 1] = str(path)
        return words

    server.command = command
    return server.start()


def connect(server, target, subject):
    return attack.Connection(server.address, target.workspace.certificate(subject))


def random_policy(rng):
    subjects, actions = ("root", "nobody", "Root", "roo", "root ", "team", "all"), ("produce", "consume", "describe", "delete")
    patterns = ("*", "default", "default*", "def*", "Default", "log:default", "log:*", "log:def*", "defaults", "d", "default.x")
    lines = []
    for _ in range(rng.randint(0, 10)):
        if rng.random() < 0.25:
            lines.append(f"g, {rng.choice(subjects)}, {rng.choice(subjects[3:])}")
        else:
            effect = rng.choice(("", "", "", ", allow", ", deny"))
            lines.append(f"p, {rng.choice(subjects)}, {rng.choice(patterns)}, {rng.choice(actions)}{effect}")
    return "\n".join(lines).encode() + b"\n"


@check
def every_method_of_the_descriptor_has_a_rule(target):
    found = {f"/{service.full_name}/{method.name}" for service in log_pb2.DESCRIPTOR.services_by_name.values()
             for method in service.methods}
    equal(found, set(RULES), "methods")
    health = {method.name for service in health_pb2.DESCRIPTOR.services_by_name.values() for method in service.methods}
    equal(health <= {"Check", "Watch", "List"}, True, f"methods of health, {health},")


@check
def decisions_of_the_real_server_are_those_of_the_model(target):
    rng, wrong, kinds = random.Random(SEED), [], {True: 0, False: 0}
    for number in range(POLICIES):
        policy = random_policy(rng) if number else b"p, root, default, produce\np, root, def*, consume\np, nobody, *, describe\n"
        server = server_with(target, policy, f"acl{number}")
        for subject in ("root", "nobody"):
            with connect(server, target, subject) as connection:
                for path, action in RULES.items():
                    expected = action is None or aclmodel.allows(policy, subject.encode(), action, b"default")
                    kinds[expected] += 1
                    for name in ("", "default"):
                        status = answer(connection, path, name)[0]
                        is_allowed = status != PERMISSION_DENIED if path in CHANGES else status == OK
                        if is_allowed != expected or not is_allowed and status != PERMISSION_DENIED:
                            wrong.append(f"{subject} {path} {name!r}: {status}, under {policy!r}")
                    # Whatever the rules, no other name is this log.
                    for name in rng.sample(ODD_NAMES, 3) if path not in NAMELESS else ():
                        status = answer(connection, path, name)[0]
                        right = {OK} if path == LIST else {NOT_FOUND, INVALID_ARGUMENT}
                        if status not in (right if expected else {PERMISSION_DENIED}):
                            wrong.append(f"{subject} {path} {name[:20]!r}: {status}, under {policy!r}")
        server.kill()
    true(not wrong, f"seed {SEED}: {len(wrong)} wrong: {wrong[:5]}")
    true(min(kinds.values()) > 10, f"{kinds}")
    attack.figure(f"seed {SEED}: {POLICIES} policies, {kinds[True]} allowed and {kinds[False]} refused")


@check
def odd_names_are_no_log_for_whoever_may_do_everything(target):
    wrong = []
    with target.connect() as connection:
        for path in RULES:
            for name in ODD_NAMES if path not in NAMELESS else ():
                status, _, _, messages = answer(connection, path, name)
                if path == LIST:  # a prefix: lists what begins with it, which is nothing
                    right = status == OK and messages == 1
                else:
                    right = status in (NOT_FOUND, INVALID_ARGUMENT) and messages == 0
                if not right:
                    wrong.append(f"{path} {name[:20]!r}: {status}")
    true(not wrong, "; ".join(wrong))


@check
def refusals_are_the_same_whether_or_not_a_log_exists(target):
    """S10. `nobody` has a valid certificate and no rule: status, message and details tell nothing of the names."""
    with connect(target.server, target, "nobody") as connection:
        for path, action in RULES.items():
            if action is not None:
                answers = {answer(connection, path, name) for name in ["", "default", *ODD_NAMES]}
                equal(len(answers), 1, f"different answers of {path}: {answers}")
                equal(next(iter(answers))[0], PERMISSION_DENIED, f"status of {path}")
    target.fresh_call()


if __name__ == "__main__":
    sys.exit(attack.run(check))
