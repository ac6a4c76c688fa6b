import GRPCWire

/// What gRPC itself makes of a peer's bytes.
enum FramingFuzz {
  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    switch input.byte() % 6 {
    case 0: try messages(input)
    case 1: try base64(input.text())
    case 2: try percent(input.text())
    case 3: try timeout(input.text())
    case 4: try metadata(input.text())
    default: try calls(input)
    }
  }

  // MARK: - Length-prefixed messages

  /// However the bytes are cut, the messages and the error are those of the whole.
  private static func messages(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let limit = Int(input.byte()) * 4
    let step = Int(input.byte() % 16) + 1
    let whole = deframe(input.rest, limit: limit, step: max(1, input.rest.count))
    let cut = deframe(input.rest, limit: limit, step: step)
    try require(whole.messages == cut.messages, "messages depend on how the bytes were cut")
    try require(whole.error == cut.error, "the error depends on how the bytes were cut")
    try require(
      whole.messages.allSatisfy { $0.count <= limit }, "a message over the limit was given")
    if whole.error == nil {
      try require(whole.isMidMessage == cut.isMidMessage, "the end depends on the cuts")
      let used = whole.messages.reduce(0) { $0 + $1.count + MessagePrefix.size }
      try require(
        whole.isMidMessage == (used < input.rest.count), "bytes were lost between messages")
    }
  }

  private struct Deframed {
    var messages: [[UInt8]] = []
    var error: FramingError?
    var isMidMessage = false
  }

  private static func deframe(
    _ bytes: UnsafeRawBufferPointer, limit: Int, step: Int
  ) -> Deframed {
    var result = Deframed()
    var deframer = MessageDeframer()
    var rest = FuzzInput(bytes)
    do throws(FramingError) {
      while !rest.isEmpty {
        try deframer.feed(rest.take(step), limit: limit) { result.messages.append(Array($0)) }
      }
    } catch {
      result.error = error
    }
    result.isMidMessage = deframer.isMidMessage
    return result
  }

  // MARK: - Texts

  private static func base64(_ text: String) throws(FuzzFinding) {
    let bytes = Array(text.utf8)
    try require(Base64.decode(Base64.encode(bytes)) == bytes, "base64 does not round trip")
    guard let decoded = Base64.decode(text) else { return }
    try require(
      Base64.decode(Base64.encode(decoded)) == decoded, "decoded base64 does not round trip")
  }

  private static func percent(_ text: String) throws(FuzzFinding) {
    _ = PercentEncoding.decode(text)
    let encoded = PercentEncoding.encode(text)
    try require(
      PercentEncoding.decode(encoded).utf8.elementsEqual(text.utf8),
      "percent encoding does not round trip")
    let limited = PercentEncoding.encode(text, limit: 10)
    try require(limited.utf8.count <= 10, "percent encoding is over its limit")
    try require(
      encoded.utf8.starts(with: limited.utf8), "a limited encoding is no beginning of the whole")
  }

  private static func timeout(_ text: String) throws(FuzzFinding) {
    guard let duration = GRPCTimeout.parse(text) else { return }
    let formatted = GRPCTimeout.format(duration)
    guard let again = GRPCTimeout.parse(formatted) else {
      throw FuzzFinding("timeout \(formatted) is written and not read")
    }
    try require(again >= duration, "timeout \(text) became the shorter \(formatted)")
  }

  // MARK: - Headers

  /// Lines of `name: value`; the request's own headers are told apart as the server does.
  private static func metadata(_ text: String) throws(FuzzFinding) {
    var metadata = Metadata()
    var head = RequestHead()
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let (name, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
      switch name {
      case "m": head.method = value
      case "p": head.path = value
      case "content-type": head.contentType = value
      case "grpc-encoding": head.encoding = value
      case "grpc-timeout": head.timeout = value
      default: metadata.add(name, value)
      }
    }
    _ = head.verdict(isKnown: text.utf8.count % 8 != 0, metadata: metadata)
    guard let status = Status(trailers: metadata) else { return }
    _ = status.description
    _ = status.retryDelay()
    guard let again = Status(trailers: status.trailers()) else {
      throw FuzzFinding("a status is lost in its own trailers")
    }
    try require(again.code == status.code, "a status changes its code in trailers")
    if status.details.count <= Status.maxDetailsBytes {
      try require(again.details == status.details, "a status changes its details in trailers")
    }
  }

  // MARK: - Calls

  /// A peer's events in any order, at both ends.
  private static func calls(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let shapes: [StreamingShape] = [
      .unary, .clientStreaming, .serverStreaming, .bidirectional,
    ]
    let shape = shapes[Int(input.byte() % 4)]
    var server = ServerCallState(shape: shape)
    var client = ClientCallState(shape: shape)
    var (delivered, accepted, ends) = (0, 0, 0)
    while !input.isEmpty {
      let event = input.byte()
      switch event % 4 {
      case 0: if server.receivedMessage() == .deliver { delivered += 1 }
      case 1: _ = server.receivedHalfClose(isMidMessage: event & 4 != 0)
      case 2: _ = server.receivedBadFraming(.unknownFlag(event))
      default: if event & 64 != 0 { _ = server.receivedReset() }
      }
      let told = clientEvent(&client, &input)
      if told == .accept { accepted += 1 }
      if case .end = told { ends += 1 }
    }
    try require(
      delivered <= 1 || shape.streamsRequests, "a \(shape) method got \(delivered) requests")
    try require(ends == (client.isOpen ? 0 : 1), "a call ended \(ends) times")
  }

  private static func clientEvent(
    _ client: inout ClientCallState, _ input: inout FuzzInput
  ) -> ClientCallState.Inbound {
    let event = input.byte()
    let flag = event & 8 != 0
    switch event % 8 {
    case 0: return client.receivedHeaders()
    case 1: return client.receivedMessage()
    case 2: return client.receivedOK(trailers: Metadata())
    case 3: return client.receivedEndWithoutTrailers(isMidMessage: flag)
    case 4: return client.receivedReset(code: UInt32(event >> 3))
    case 5: return client.receivedBadFraming(.compressedWithoutEncoding)
    default:
      let headers = Metadata([
        ("content-type", flag ? "application/grpc" : "text/html"),
        ("grpc-status", "\(event >> 4)"),
      ])
      return client.receivedHeaders(
        httpStatus: input.number16() % 600, headers: headers, endStream: event & 16 != 0,
        isMidMessage: event & 32 != 0)
    }
  }

  // MARK: - Seeds

  static var seeds: [[UInt8]] {
    let messages: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]
    let texts: [(UInt8, String)] = [
      (1, "AAEC/+w="), (1, "AAEC/+w"), (2, "a%20b%C3%A9%"), (2, "caf\u{E9} % tea"), (3, "100m"),
      (3, "99999999H"), (3, "1n"),
      (
        4,
        "m:POST\np:/log.v1.Log/Produce\ncontent-type:application/grpc+proto; x=y\n"
          + "grpc-timeout:5S\nx-bin:AAEC,AA==\n"
      ),
      (4, "grpc-status:8\ngrpc-message:too%20much\ngrpc-status-details-bin:CAgSA2FiYw\n"),
    ]
    return [
      [0, 64, 3] + messages, [0, 0, 0] + messages, [5, 0, 0, 0, 0, 1, 0, 2], [5, 3, 14, 200],
    ]
      + texts.map { [$0.0] + Array($0.1.utf8) }
  }
}
