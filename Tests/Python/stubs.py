"""Stock grpcio against the published protos: stubs are made when a test runs, from Protos/ as it is."""

import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

from servers import REPOSITORY


def generate():
    """Makes and imports the modules; gives (log_pb2, log_pb2_grpc, health_pb2, health_pb2_grpc, status_pb2)."""
    protos = REPOSITORY / "Protos"
    included = pathlib.Path(protoc.__file__).parent / "_proto"
    # Removed at the end of the process: the modules are loaded at once.
    with tempfile.TemporaryDirectory(prefix="distlog-stubs-") as folder:
        failed = protoc.main([
            "protoc", f"-I{protos}", f"-I{included}", f"--python_out={folder}",
            f"--grpc_python_out={folder}", "log.proto", "health.proto", "status.proto"])
        if failed:
            raise SystemExit("protoc could not compile Protos/")
        sys.path.insert(0, folder)
        names = ["log_pb2", "log_pb2_grpc", "health_pb2", "health_pb2_grpc", "status_pb2"]
        modules = [importlib.import_module(name) for name in names]
        sys.path.remove(folder)
    return modules


log_pb2, log_pb2_grpc, health_pb2, health_pb2_grpc, status_pb2 = generate()


def channel(server_address, credentials, **options):
    """A channel of its own connection. `credentials` is a `servers.Credentials`."""
    def content(path):
        with open(path, "rb") as file:
            return file.read()

    made = grpc.ssl_channel_credentials(
        root_certificates=content(credentials.ca), private_key=content(credentials.key),
        certificate_chain=content(credentials.certificate))
    settings = {"grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0, **options}
    return grpc.secure_channel(server_address, made, options=list(settings.items()))


class Failure:
    """What a failed call says: code, message, and the details of `grpc-status-details-bin`."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.trailers = dict(error.trailing_metadata() or ())
        self.info = self.retry = self.localized = None
        self.violations = []
        packed = self.trailers.get("grpc-status-details-bin")
        self.status = status_pb2.Status.FromString(packed) if packed else None
        for detail in self.status.details if self.status else ():
            self._take(detail)

    def _take(self, detail):
        for kind in (status_pb2.ErrorInfo, status_pb2.RetryInfo, status_pb2.BadRequest,
                     status_pb2.LocalizedMessage):
            if detail.Is(kind.DESCRIPTOR):
                made = kind()
                detail.Unpack(made)
                if kind is status_pb2.ErrorInfo:
                    self.info = made
                elif kind is status_pb2.RetryInfo:
                    self.retry = made
                elif kind is status_pb2.BadRequest:
                    self.violations = [violation.field for violation in made.field_violations]
                else:
                    self.localized = made
                return
        raise AssertionError(f"an unknown detail: {detail.type_url}")


def failure(call):
    """Runs `call`, which must fail, and gives how."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return Failure(error)
    raise AssertionError(f"did not fail but answered {answer!r}")


def expect(call, code, reason=None, metadata=None, message=None):
    """`call` must fail with this code, ErrorInfo reason and metadata; details and status must agree."""
    found = failure(call)
    problems = []
    if found.code is not code:
        problems.append(f"code {found.code.name}, not {code.name}")
    if message is not None and found.message != message:
        problems.append(f"message {found.message!r}, not {message!r}")
    if reason is not None:
        problems += _differences(found, reason, metadata or {})
    if problems:
        raise AssertionError(f"{'; '.join(problems)} (said: {found.message!r})")
    return found


def _differences(found, reason, metadata):
    if found.status is None:
        return ["no grpc-status-details-bin"]
    if found.info is None:
        return ["no ErrorInfo"]
    problems = []
    if found.status.code != found.code.value[0] or found.status.message != found.message:
        problems.append("the details' code and message are not the status's")
    if found.info.domain != "distlog":
        problems.append(f"domain {found.info.domain!r}")
    if found.info.reason != reason:
        problems.append(f"reason {found.info.reason}, not {reason}")
    for name, value in metadata.items():
        if found.info.metadata.get(name) != str(value):
            problems.append(f"metadata {dict(found.info.metadata)}, not {name}={value}")
    return problems
