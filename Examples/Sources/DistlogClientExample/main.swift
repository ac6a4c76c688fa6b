import DistlogClient

// A server's address, and the folder that `make certs` fills.
let arguments = CommandLine.arguments.dropFirst()
let server = arguments.first ?? "localhost:8400"
let folder = arguments.dropFirst().first ?? "certs"
let client = try DistlogClient(
  servers: [server], ca: "\(folder)/ca.pem", certificate: "\(folder)/root.pem",
  key: "\(folder)/root-key.pem")

// One batch: both or neither. They are on disk when produce returns.
let batch = try await client.produce([Record("the first"), Record("the second", key: "a key")])
print("acknowledged at offsets \(batch.offsets)")

// A producer gathers records into batches and keeps several under way.
let producer = try await client.producer()
let receipt = try await producer.send(Record("the third"))
try await producer.finish()
print("acknowledged at offset \(try await receipt.offset())")

// Without a stop it would follow the log, over lost connections too.
var options = ConsumeOptions()
options.start = .offset(batch.offsets.lowerBound)
options.stop = .end
for try await record in client.consume(options) {
  print(record.offset, String(decoding: record.value, as: UTF8.self))
}
await client.close()
