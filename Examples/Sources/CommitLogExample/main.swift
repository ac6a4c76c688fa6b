import CommitLog

// The folder is made if it is not there. A second process that opens it is refused.
let log = try CommitLog.open(CommandLine.arguments.dropFirst().first ?? "data")

// Appended together: both or neither. They are on disk when append returns.
let offsets = try log.append([
  Record(value: Array("the first".utf8)),
  Record(value: Array("the second".utf8), key: Array("a key".utf8)),
])
print("appended at offsets \(offsets)")

for record in try log.read(from: offsets.lowerBound, maxRecords: 100, maxBytes: 1 << 20) {
  print(record.offset, String(decoding: record.value, as: UTF8.self))
}
try log.close()
