internal import Foundation
package import Logging

/// Writes one JSON object a line to stderr, keys in a fixed order, control bytes escaped.
package struct JSONLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  private let label: String
  private let node: String

  package init(label: String, node: String, level: Logger.Level) {
    self.label = label
    self.node = node
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "{\"ts\":\"\(LogTime.now())\",\"level\":\"\(event.level.rawValue)\""
    line += ",\"msg\":\(Self.quoted("\(event.message)")),\"logger\":\(Self.quoted(label))"
    line += ",\"node\":\(Self.quoted(node))"
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += ",\(Self.quoted(key)):\(Self.quoted("\(value)"))"
    }
    line += "}\n"
    LogSink.standardError.write(line)
  }

  /// A JSON string: quotes, backslashes and control characters escaped (RFC 8259 section 7).
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Writes a line for people: time, level, message, then the details.
package struct TextLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level

  package init(level: Logger.Level) {
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    let details = all.sorted { $0.key < $1.key }
      .map { " \($0.key)=\(Self.plain("\($0.value)"))" }.joined()
    let message = Self.plain("\(event.message)")
    LogSink.standardError.write("\(LogTime.now()) \(event.level.rawValue) \(message)\(details)\n")
  }

  /// A name from outside must not be able to forge a line or move the cursor.
  private static func plain(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    return isPlain ? text : JSONLogHandler.quoted(text)
  }
}

enum LogTime {
  /// RFC 3339, UTC, with nanoseconds.
  static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date =
      "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))"
      + "-\(padded(Int(parts.tm_mday), 2))"
    let day =
      "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2))"
      + ":\(padded(Int(parts.tm_sec), 2)).\(padded(time.tv_nsec, 9))"
    return "\(date)T\(day)Z"
  }
}
