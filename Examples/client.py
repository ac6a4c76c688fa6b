"""Writes two records together and reads the log from its start to its present end."""

import grpc
import log_pb2
import log_pb2_grpc


def content(path):
    with open(path, "rb") as file:
        return file.read()


credentials = grpc.ssl_channel_credentials(
    root_certificates=content("certs/ca.pem"),
    private_key=content("certs/root-key.pem"),
    certificate_chain=content("certs/root.pem"),
)
with grpc.secure_channel("localhost:8400", credentials) as channel:
    log = log_pb2_grpc.LogStub(channel)
    records = [log_pb2.Record(value=b"one"), log_pb2.Record(value=b"two", key=b"k")]
    answer = log.Produce(log_pb2.ProduceRequest(records=records), timeout=5)
    print(f"on disk at offsets {answer.offset} to {answer.last_offset}")

    everything = log_pb2.ConsumeRequest(
        start=log_pb2.START_EARLIEST, stop=log_pb2.STOP_END, max_records=1000
    )
    for response in log.ConsumeStream(everything, timeout=60):
        for record in response.records:
            print(record.offset, record.value)
