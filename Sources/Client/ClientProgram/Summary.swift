/// What a stream of records came to.
package struct Summary: Sendable {
  package var records: UInt64 = 0
  /// Of values, keys not counted.
  package var bytes: UInt64 = 0
  package var elapsed: Duration = .zero
  /// From handing a request over to its acknowledgement; nil where nothing is acknowledged.
  package var latency99: Duration?
  package var lastOffset: UInt64?
  /// Skipped because the log no longer holds them.
  package var lostRecords: UInt64 = 0

  package init() {}

  /// `12,000 records, 3.1 MiB, 2.4 s, p99 6.1 ms, last offset 48213`
  package var line: String {
    var parts = [
      "\(DecimalText.grouped(records)) record\(records == 1 ? "" : "s")",
      ByteCountText.format(bytes), DurationText.format(elapsed),
    ]
    if let latency99 { parts.append("p99 \(DurationText.format(latency99))") }
    if let lastOffset { parts.append("last offset \(lastOffset)") }
    if lostRecords > 0 { parts.append("\(DecimalText.grouped(lostRecords)) lost") }
    return parts.joined(separator: ", ")
  }

  package var json: JSONObject {
    var summary = JSONObject()
    summary.set("records", records)
    summary.set("bytes", bytes)
    summary.set("seconds", elapsed.inSeconds)
    if let latency99 { summary.set("p99Milliseconds", latency99.inSeconds * 1e3) }
    if let lastOffset { summary.set("lastOffset", lastOffset) }
    if lostRecords > 0 { summary.set("lostRecords", lostRecords) }
    var object = JSONObject()
    object.set("summary", summary)
    return object
  }
}
