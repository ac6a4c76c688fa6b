"""The reflection service with a stock client: everything is learnt from the server, no .proto is read."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import checks
import servers
import stubs
from checks import equal, true

LONG = 20
SERVICES = {
    "log.v1.Log", "log.v1.Logs", "log.v1.Cluster", "log.v1.Producers", "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
check = checks.Checks()


def ask(channel, version="v1", **request):
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    answers = list(call(iter([reflection_pb2.ServerReflectionRequest(**request)]), timeout=LONG))
    equal(len(answers), 1, "answers")
    return answers[0]


@check
def both_versions_list_every_service(channel):
    for version in ("v1", "v1alpha"):
        answer = ask(channel, version, list_services="")
        equal({service.name for service in answer.list_services_response.service}, SERVICES)


@check
def a_stock_client_calls_what_it_learnt_by_reflection_alone(channel):
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    produce = pool.FindServiceByName("log.v1.Log").FindMethodByName("Produce")
    request = message_factory.GetMessageClass(produce.input_type)()
    request.record.value = b"reflected"
    answer = message_factory.GetMessageClass(produce.output_type)
    call = channel.unary_unary(
        "/log.v1.Log/Produce", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString)
    offset = call(request, timeout=LONG).offset
    consume = pool.FindServiceByName("log.v1.Log").FindMethodByName("Consume")
    request = message_factory.GetMessageClass(consume.input_type)(offset=offset)
    call = channel.unary_unary(
        "/log.v1.Log/Consume", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(consume.output_type).FromString)
    equal(call(request, timeout=LONG).record.value, b"reflected")


@check
def every_method_of_the_descriptors_is_served(channel):
    served = 0
    for service in sorted(SERVICES):
        answer = ask(channel, file_containing_symbol=service)
        files = [descriptor_pb2.FileDescriptorProto.FromString(file)
                 for file in answer.file_descriptor_response.file_descriptor_proto]
        package, name = service.rsplit(".", 1)
        found = [one for file in files if file.package == package for one in file.service if one.name == name]
        equal(len(found), 1, f"declarations of {service}")
        for method in found[0].method:
            call = channel.stream_stream(f"/{service}/{method.name}")
            try:
                list(call(iter([b""]), timeout=0.5))
            except grpc.RpcError as error:
                true(error.code() != grpc.StatusCode.UNIMPLEMENTED, f"{service}/{method.name}")
            served += 1
    true(served >= 13, f"{served} methods")


@check
def files_symbols_and_unknown_names_are_answered(channel):
    for name in ("log.proto", "google/protobuf/any.proto", "reflection_v1alpha.proto"):
        files = ask(channel, file_by_filename=name).file_descriptor_response.file_descriptor_proto
        equal(descriptor_pb2.FileDescriptorProto.FromString(files[0]).name, name)
    for symbol in ("log.v1.Record", "log.v1.Record.value", "log.v1.START_EARLIEST", "log.v1.Log.Produce",
                   "grpc.health.v1.HealthCheckResponse.ServingStatus", "google.rpc.Status"):
        true(ask(channel, file_containing_symbol=symbol).HasField("file_descriptor_response"), symbol)
    for request in ({"file_by_filename": "none.proto"}, {"file_containing_symbol": "log.v1.None"},
                    {"all_extension_numbers_of_type": "none"},
                    {"file_containing_extension": {"containing_type": "log.v1.Record", "extension_number": 9}}):
        answer = ask(channel, **request)
        equal(answer.error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0], f"{request}")
        true(answer.original_request == reflection_pb2.ServerReflectionRequest(**request), "the request")
    equal(list(ask(channel, all_extension_numbers_of_type="log.v1.Record")
               .all_extension_numbers_response.extension_number), [])
    equal(ask(channel, host="x").error_response.error_code, grpc.StatusCode.INVALID_ARGUMENT.value[0])


@check
def garbage_is_refused_and_the_stream_ends(channel):
    call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    error = stubs.failure(lambda: list(call(iter([b"\x1a\xff"]), timeout=LONG)))
    equal(error.code, grpc.StatusCode.INVALID_ARGUMENT)


def switched_off(workspace):
    server = workspace.server("--rpc-reflection", "off", data="off").start()
    with stubs.channel(server.address, workspace.certificate("nobody")) as channel:
        error = stubs.failure(lambda: ask(channel, list_services=""))
        equal(error.code, grpc.StatusCode.UNIMPLEMENTED)
    equal(server.terminate(), 0)
    print("ok it_can_be_switched_off")


if __name__ == "__main__":
    checks.give_up_after(120)
    with servers.Workspace() as shared:
        server = shared.server().start()
        with stubs.channel(server.address, shared.certificate("root")) as connected:
            code = check.run(connected, only=sys.argv[1:])
        equal(server.terminate(), 0)
        switched_off(shared)
    sys.exit(code)
