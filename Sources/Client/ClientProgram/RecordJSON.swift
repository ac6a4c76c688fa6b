package import DistlogClient
internal import GRPCWire

/// Records in the protobuf JSON form of log.v1.Record: bytes in base64, 64-bit numbers as text.
package enum RecordJSON {
  /// Why a line is not a record.
  package struct Unreadable: Error, Equatable, Sendable {
    package var reason: String
    /// The object is understood, but says what a record cannot hold: wrong usage, not bad input.
    package var isUsage = false
    package var hint: String?
  }

  /// Names of the time: the protobuf JSON form has the first two.
  private static let timeNames = ["timestampUnixNano", "timestamp_unix_nano", "timestamp"]
  /// `offset` and `term` are the server's: `consume` prints them, and they do not count here.
  private static let recordNames =
    ["value", "key", "headers", "offset", "term", "type"] + timeNames

  /// Reads one object. Numbers may be text or not; `offset` and `term` do not count.
  ///
  /// Members that are unknown or there twice are refused: what is dropped is missed too late.
  package static func read(_ bytes: UnsafeRawBufferPointer) throws(Unreadable) -> Record {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw Unreadable(reason: "\(error.reason), at byte \(error.position)")
    }
    guard case .object(let members) = json else {
      throw Unreadable(reason: "it is not a JSON object")
    }
    try check(members, recordNames, in: "a record")
    try checkType(json["type"])
    var record = Record(value: try base64(json["value"], "value"))
    record.key = try base64(json["key"], "key")
    let times = timeNames.compactMap { json[$0] }
    guard times.count < 2 else {
      throw Unreadable(reason: "the timestamp is there more than once", isUsage: true)
    }
    record.timestamp = try time(times.first)
    record.headers = try headers(json["headers"])
    return record
  }

  private static func check(
    _ members: [JSONValue.Member], _ names: [String], in what: String
  ) throws(Unreadable) {
    var seen: [String] = []
    for member in members {
      let name = JSONText.quoted(member.name)
      guard names.contains(member.name) else {
        throw Unreadable(
          reason: "\(name) is no member of \(what)", isUsage: true,
          hint: "its members are \(names.joined(separator: ", "))")
      }
      guard !seen.contains(member.name) else {
        throw Unreadable(reason: "\(name) is there more than once", isUsage: true)
      }
      seen.append(member.name)
    }
  }

  /// No other records than data can be written.
  private static func checkType(_ value: JSONValue?) throws(Unreadable) {
    switch value {
    case nil, .null, .number("0"), .string("0"): return
    default: throw Unreadable(reason: "\"type\" can only be 0", isUsage: true)
    }
  }

  private static func base64(_ value: JSONValue?, _ name: String) throws(Unreadable) -> [UInt8] {
    switch value {
    case nil, .null: return []
    case .string(let text):
      // The protobuf JSON form lets readers take the URL-safe alphabet too.
      let standard =
        text.utf8.contains(where: { $0 == 0x2D || $0 == 0x5F })
        ? String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }) : text
      guard let bytes = Base64.decode(standard) else {
        throw Unreadable(reason: "\"\(name)\" is not base64")
      }
      return bytes
    default: throw Unreadable(reason: "\"\(name)\" is not text in base64")
    }
  }

  private static func time(_ value: JSONValue?) throws(Unreadable) -> UInt64 {
    switch value {
    case nil, .null: return 0
    case .number(let text):
      if let nanoseconds = UInt64(text) { return nanoseconds }
    case .string(let text):
      if let nanoseconds = UInt64(text) { return nanoseconds }
      // The zero of a request means "now", which nobody writes as a date.
      if let nanoseconds = CalendarTime.parse(text), nanoseconds > 0 { return nanoseconds }
    default: break
    }
    throw Unreadable(
      reason: "the timestamp is neither nanoseconds since 1970 nor RFC 3339, or lies before")
  }

  private static func headers(_ value: JSONValue?) throws(Unreadable) -> [Record.Header] {
    switch value {
    case nil, .null: return []
    case .array(let values):
      var headers: [Record.Header] = []
      for value in values {
        guard case .object(let members) = value, case .string(let name)? = value["name"] else {
          throw Unreadable(reason: "a header has no \"name\"")
        }
        try check(members, ["name", "value"], in: "a header")
        headers.append(.init(name: name, value: try base64(value["value"], "headers.value")))
      }
      return headers
    default: throw Unreadable(reason: "\"headers\" is not an array")
    }
  }

  /// Writes one object without a newline; empty members but the value are left out.
  package static func write(
    _ record: borrowing RecordView, headers: [Record.Header], to output: inout OutputBuffer
  ) {
    output.append("{\"offset\":\"\(record.offset)\",\"timestampUnixNano\":\"\(record.timestamp)\"")
    if !record.key.isEmpty {
      output.append(",\"key\":\"")
      output.appendBase64(record.key)
      output.append("\"")
    }
    if !headers.isEmpty {
      output.append(",\"headers\":[")
      for (index, header) in headers.enumerated() {
        output.append(index == 0 ? "{\"name\":" : ",{\"name\":")
        output.append(JSONText.quoted(header.name))
        output.append(",\"value\":\"")
        header.value.withUnsafeBytes { output.appendBase64($0) }
        output.append("\"}")
      }
      output.append("]")
    }
    output.append(",\"term\":\"\(record.term)\",\"value\":\"")
    output.appendBase64(record.value)
    output.append("\"}")
  }
}
