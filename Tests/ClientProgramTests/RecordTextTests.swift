import DistlogClient
import Testing

@testable import ClientProgram

struct RecordTextTests {
  private func print(_ writer: RecordWriter, _ records: [Record]) throws -> String {
    var output = OutputBuffer(capacity: 1)
    try SampleBatch.consumed(records).forEach { view throws(DistlogError) in
      try writer.write(view, to: &output)
      return true
    }
    return output.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `a format prints what it names`() throws {
    let record = Record(
      value: Array("hi\n".utf8), key: Array("k".utf8),
      headers: [.init(name: "a", value: Array("1".utf8))], timestamp: 1_500_000_000)
    let format = try RecordFormat(#"%o %t{ms} %k %v{hex} %v{base64} %v{json} %s %K %h %%\t\x41"#)
    #expect(
      try print(.format(format), [record])
        == "0 1500 k 68690a aGkK \"hi\\n\" 3 1 a=1 %\tA\n")
  }

  @Test(arguments: ["%", "%x", "%v{", "%v{big32}", "%o{hex}", "\\", "\\q", "\\x4"])
  func `a format that cannot be understood is refused`(text: String) {
    #expect(throws: RecordFormat.Unreadable.self) { try RecordFormat(text) }
  }

  @Test func `JSON framing carries key, headers, time and any bytes`() throws {
    let record = Record(
      value: [0, 255, 10], key: [1, 2],
      headers: [.init(name: "n\"", value: [7]), .init(name: "e", value: [])],
      timestamp: 123)
    let line = try print(.framing(.json), [record])
    let back = try Array(line.utf8).withUnsafeBytes { try RecordJSON.read($0) }
    #expect(back == record)
    #expect(line.hasSuffix("}\n"))
  }

  @Test(arguments: [
    "", "[]", "{", #"{"value":1}"#, #"{"value":"a"}"#, #"{"value":"YQ=="} x"#,
    #"{"timestamp":-1}"#, #"{"timestamp":"1970-01-01"}"#, #"{"timestamp":"1969-12-31"}"#,
    #"{"headers":{}}"#, #"{"headers":[{"value":"YQ=="}]}"#,
    "{\"value\":\"\u{1}\"}", #"{"a":"\ud800"}"#,
  ])
  func `a line that is no record is refused`(text: String) {
    #expect(throws: RecordJSON.Unreadable.self) {
      try Array(text.utf8).withUnsafeBytes { try RecordJSON.read($0) }
    }
  }

  @Test(arguments: [
    (#"{"value":"YQ==","foo":1}"#, "foo"), (#"{"Value":"YQ=="}"#, "Value"),
    (#"{"value":"YQ==","value":"Yg=="}"#, "value"), (#"{"value":"YQ==","crc32c":5}"#, "crc32c"),
    (#"{"type":1}"#, "type"), (#"{"headers":[{"name":"a","valve":"YQ=="}]}"#, "valve"),
    (#"{"timestamp":1,"timestampUnixNano":"1"}"#, "timestamp"),
  ])
  func `a member that would be dropped is refused by its name`(text: String, name: String) {
    #expect {
      try Array(text.utf8).withUnsafeBytes { try RecordJSON.read($0) }
    } throws: { error in
      let error = error as? RecordJSON.Unreadable
      return error?.isUsage == true && error?.reason.contains(name) == true
    }
  }

  @Test func `members that the server sets have no effect`() throws {
    let text = #"{"value":"YQ==","offset":"3","term":"1","type":0,"key":null}"#
    let record = try Array(text.utf8).withUnsafeBytes { try RecordJSON.read($0) }
    #expect(record == Record(value: Array("a".utf8)))
  }

  @Test func `JSON nested without end is refused, not followed`() {
    let text = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    #expect(throws: JSONValue.Malformed.self) {
      try text.withUnsafeBytes { try JSONValue(parsing: $0) }
    }
  }

  @Test func `a record is parted at the first separator`() {
    func parted(_ text: String, _ separator: String) -> (String?, String) {
      Array(text.utf8).withUnsafeBytes { bytes in
        let (key, value) = KeySplit.split(bytes, at: Array(separator.utf8))
        return (
          key.map { String(decoding: $0, as: UTF8.self) }, String(decoding: value, as: UTF8.self)
        )
      }
    }
    #expect(parted("a:b:c", ":") == ("a", "b:c"))
    #expect(parted("a=:=>b", "=>") == ("a=:", "b"))
    #expect(parted("none", ":") == (nil, "none"))
    #expect(parted("", ":") == (nil, ""))
    #expect(parted(":v", ":") == ("", "v"))
  }
}
