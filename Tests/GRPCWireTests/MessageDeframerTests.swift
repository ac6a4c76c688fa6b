import GRPCWire
import Protobuf
import Testing

@Suite struct MessageDeframerTests {
  private static let messages: [[UInt8]] = [
    [1, 2, 3], [], [UInt8](repeating: 7, count: 300), [9], [UInt8](0...255), [],
  ]

  private static func frame(_ message: [UInt8]) -> [UInt8] {
    var prefix = [UInt8](repeating: 0xEE, count: MessagePrefix.size)
    prefix.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { MessagePrefix.write(length: message.count, to: base) }
    }
    return prefix + message
  }

  private static let stream = messages.flatMap(frame)

  /// What comes out of chunks, fed one after another.
  private func deframe(
    _ chunks: [ArraySlice<UInt8>], limit: Int = 1000
  ) throws(FramingError) -> (messages: [[UInt8]], isMidMessage: Bool) {
    var deframer = MessageDeframer()
    var found: [[UInt8]] = []
    for chunk in chunks {
      try feed(&deframer, Array(chunk), limit) { found.append(Array($0)) }
    }
    return (found, deframer.isMidMessage)
  }

  private func feed(
    _ deframer: inout MessageDeframer, _ chunk: [UInt8], _ limit: Int,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FramingError) {
    var failure: FramingError?
    chunk.withUnsafeBytes { bytes in
      do throws(FramingError) {
        try deframer.feed(bytes, limit: limit, body)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  @Test func `messages come out whole when the stream is split at any byte`() throws {
    let stream = Self.stream
    for split in 0...stream.count {
      let result = try deframe([stream[..<split], stream[split...]])
      #expect(result.messages == Self.messages, "split at \(split)")
      #expect(!result.isMidMessage, "split at \(split)")
    }
  }

  @Test func `messages come out whole when the stream is split at any two bytes`() throws {
    let stream = Self.stream[..<330]
    let expected = Array(Self.messages.prefix(4))
    for first in stride(from: 0, through: stream.count, by: 1) {
      for second in [first, first + 1, first + 4, first + 5, first + 6, first + 200]
      where second <= stream.count {
        let result = try deframe([
          stream[..<first], stream[first..<second], stream[second...],
        ])
        #expect(Array(result.messages.prefix(4)) == expected, "split at \(first), \(second)")
      }
    }
  }

  @Test func `messages come out whole byte by byte`() throws {
    let result = try deframe(Self.stream.indices.map { Self.stream[$0...$0] })
    #expect(result.messages == Self.messages)
    #expect(!result.isMidMessage)
  }

  @Test func `a stream cut anywhere but between messages is told to be inside one`() throws {
    var borders: Set<Int> = [0]
    var end = 0
    for message in Self.messages {
      end += MessagePrefix.size + message.count
      borders.insert(end)
    }
    for cut in 0...Self.stream.count {
      let result = try deframe([Self.stream[..<cut]])
      #expect(result.isMidMessage == !borders.contains(cut), "cut at \(cut)")
    }
  }

  @Test func `a whole message is handed out in place, without a copy`() throws {
    let chunk = Self.frame([1, 2, 3]) + Self.frame([4])
    var deframer = MessageDeframer()
    try chunk.withUnsafeBytes { bytes in
      var places: [UnsafeRawPointer?] = []
      try deframer.feed(bytes, limit: 10) { places.append($0.baseAddress) }
      #expect(places == [bytes.baseAddress.map { $0 + 5 }, bytes.baseAddress.map { $0 + 13 }])
    }
  }

  @Test(arguments: [2, 3, 4, 5, 6, 7, 0x7F, 0x80, 0xFE, 0xFF] as [UInt8])
  func `an unknown flag is an error at every split`(flag: UInt8) {
    let bytes: [UInt8] = [flag, 0, 0, 0, 1, 9]
    for split in 0...bytes.count {
      #expect(throws: FramingError.unknownFlag(flag)) {
        try deframe([bytes[..<split], bytes[split...]])
      }
    }
    #expect(FramingError.unknownFlag(flag).status.code == .internal)
  }

  @Test func `the compressed flag is an error, for no encoding was agreed on`() {
    #expect(throws: FramingError.compressedWithoutEncoding) {
      try deframe([[1, 0, 0, 0, 0][...]])
    }
    #expect(FramingError.compressedWithoutEncoding.status.code == .internal)
  }

  @Test func `a message over the limit is refused by its prefix, before any of it is kept`() throws
  {
    for length in [11, 1 << 20, 1 << 31, Int(UInt32.max)] {
      let prefix: [UInt8] = [
        0, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255),
        UInt8(length & 255),
      ]
      for split in 0...prefix.count {
        var deframer = MessageDeframer()
        #expect(throws: FramingError.messageTooLarge(size: length, limit: 10)) {
          try feed(&deframer, Array(prefix[..<split]), 10) { _ in }
          try feed(&deframer, Array(prefix[split...]), 10) { _ in }
        }
        #expect(deframer.bufferedBytes <= MessagePrefix.size)
      }
    }
    let status = FramingError.messageTooLarge(size: 11, limit: 10).status
    #expect(status.code == .resourceExhausted)
    #expect(status.errorInfo()?.reason == "MESSAGE_TOO_LARGE")
    #expect(status.errorInfo()?.metadata["limit"] == "10")
    #expect(status.errorInfo()?.metadata["size"] == "11")
  }

  @Test func `a message of exactly the limit passes`() throws {
    let message = [UInt8](repeating: 1, count: 10)
    #expect(try deframe([Self.frame(message)[...]], limit: 10).messages == [message])
  }

  @Test func `a claimed length reserves nothing: memory follows what arrives`() throws {
    var deframer = MessageDeframer()
    try feed(&deframer, [0, 0, 64, 0, 0, 1, 2, 3], 8 << 20) { _ in }
    #expect(deframer.bufferedBytes == 8)
  }
}
