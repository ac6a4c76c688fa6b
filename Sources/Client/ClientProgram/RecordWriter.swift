package import DistlogClient

/// How consumed records are written: framed bytes, or text after a format.
package enum RecordWriter: Sendable {
  case framing(Framing)
  case format(RecordFormat)

  package func write(
    _ record: borrowing RecordView, to output: inout OutputBuffer
  ) throws(DistlogError) {
    switch self {
    case .format(let format): try format.write(record, to: &output)
    case .framing(.lines):
      output.append(record.value)
      output.append(0x0A)
    case .framing(.nul):
      output.append(record.value)
      output.append(0)
    case .framing(.length):
      output.append(bigEndian: UInt32(clamping: record.value.count))
      output.append(record.value)
    case .framing(.json):
      RecordJSON.write(record, headers: try record.decodedHeaders(), to: &output)
      output.append(0x0A)
    case .framing(.whole): output.append(record.value)
    }
  }
}
