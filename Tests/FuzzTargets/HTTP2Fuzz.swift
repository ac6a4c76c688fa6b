import HTTP2

/// A peer's bytes against one side of an HTTP/2 connection whose owner answers, resets and ends streams.
enum HTTP2Fuzz {
  static func run(_ input: FuzzInput, as role: HTTP2Session.Role) throws(FuzzFinding) {
    var input = input
    let mode = input.byte()
    let owner = HTTP2FuzzOwner(choices: input.byte())
    var settings = HTTP2Settings()
    if mode & 1 != 0 {
      settings.maxConcurrentStreams = 3
      settings.maxHeaderListSize = 512
      settings.flood = FloodGuard.Limits(
        resets: 4, resetsPerSecond: 1, control: 20, controlPerSecond: 2, continuations: 2)
    }
    let session: HTTP2Session
    do throws(HTTP2Error) {
      session = try HTTP2Session(role: role, settings: settings)
    } catch {
      throw FuzzFinding("no session: \(error)")
    }
    owner.session = session
    session.delegate = owner
    if role == .client { owner.openRequests(Int(mode >> 5)) }
    var feed = HTTP2FuzzFeed(session: session, owner: owner, step: 1 + Int(mode >> 2 & 7) * 9)
    if mode & 2 == 0, role == .server {
      try feed.give(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
    }
    if mode & 2 == 0 { try feed.give([0, 0, 0, 4, 0, 0, 0, 0, 0]) }
    if mode & 0x80 == 0 {
      try feed.give(Array(input.rest))
    } else {
      while !input.isEmpty, !feed.isOver { try feed.give(frame(&input)) }
    }
    try feed.finish()
  }

  /// Type, flags, stream, length, then the payload: a frame whose length is right.
  private static func frame(_ input: inout FuzzInput) -> [UInt8] {
    let (type, flags, stream) = (input.byte() % 12, input.byte(), input.byte())
    let payload = input.take(Int(input.byte()))
    return [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream & 31] + payload
  }

  // MARK: - Seeds

  static func seeds(as role: HTTP2Session.Role) -> [[UInt8]] {
    // :method POST, :scheme https, :path /, :authority "x" / :status 200; all by the static table.
    let head: [UInt8] =
      role == .server ? [0x83, 0x87, 0x84, 0x41, 1, 0x78] : [0x88, 0x40, 1, 0x61, 1, 0x62]
    let stream: UInt8 = 1
    let headers: [UInt8] = [1, 4, stream, UInt8(head.count)] + head
    let data: [UInt8] = [0, 0, stream, 6, 0, 0, 0, 0, 1, 7]
    let trailers: [UInt8] = [1, 5, stream, 5, 0x40, 1, 0x61, 1, 0x62]
    let ping: [UInt8] = [6, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]
    let window: [UInt8] = [8, 0, 0, 4, 0, 0, 1, 0]
    let reset: [UInt8] = [3, 0, stream, 4, 0, 0, 0, 8]
    let goAway: [UInt8] = [7, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    let settings: [UInt8] = [4, 0, 0, 6, 0, 4, 0, 0, 0, 9]
    let begin: [UInt8] = [1, 0, stream, 3] + head.prefix(3)
    let resume: [UInt8] = [9, 4, stream, UInt8(head.count - 3)] + head.dropFirst(3)
    let scripts: [[UInt8]] = [
      headers + data + trailers, headers + ping + window + reset, settings + headers + goAway,
      begin + resume + data, headers + [0, 1, stream, 3, 1, 2, 3],
    ]
    return scripts.flatMap { script in
      [0xA0, 0xA1, 0xFC].map { mode in [mode, UInt8(script.count)] + script }
    } + scripts.map { [0x20, 3] + raw($0) }
  }

  /// The same frames as they stand on the wire.
  private static func raw(_ script: [UInt8]) -> [UInt8] {
    script.withUnsafeBytes { bytes in
      var input = FuzzInput(bytes)
      var frames: [UInt8] = []
      while !input.isEmpty { frames += frame(&input) }
      return frames
    }
  }
}

/// Gives bytes to a session in pieces and takes what it has to say.
private struct HTTP2FuzzFeed {
  let session: HTTP2Session
  let owner: HTTP2FuzzOwner
  let step: Int
  private(set) var isOver = false
  private var time: UInt64 = 1
  private let output = HTTP2Output()

  init(session: HTTP2Session, owner: HTTP2FuzzOwner, step: Int) {
    self.session = session
    self.owner = owner
    self.step = step
  }

  mutating func give(_ bytes: [UInt8]) throws(FuzzFinding) {
    var position = 0
    while position < bytes.count, !isOver {
      let end = min(position + step, bytes.count)
      // A piece of its own, so that reading past its end is noticed.
      let piece = Array(bytes[position..<end])
      let error = piece.withUnsafeBytes { (piece) -> HTTP2Error? in
        do throws(HTTP2Error) {
          try session.receive(piece, now: time)
          return nil
        } catch {
          return error
        }
      }
      position = end
      time += 1_000_000
      try pump()
      if error != nil || session.isFinished { isOver = true }
      try check()
    }
  }

  private mutating func pump() throws(FuzzFinding) {
    for _ in 0..<64 {
      output.removeAll()
      do throws(HTTP2Error) {
        try session.pump(into: output, upTo: 4096)
      } catch {
        isOver = true
        return
      }
      session.takeDrained { owner.drained($0) }
      if output.count == 0 { return }
    }
  }

  private func check() throws(FuzzFinding) {
    var live = 0
    session.forEachStream { _ in live += 1 }
    try require(live == session.streamCount, "\(live) streams, \(session.streamCount) counted")
    try require(
      owner.known.count <= session.streamCount, "the owner was not told that streams closed")
    if session.role == .server {
      let most = session.settings.maxConcurrentStreams
      try require(owner.known.count <= most, "\(owner.known.count) streams open, at most \(most)")
    }
  }

  mutating func finish() throws(FuzzFinding) {
    guard !isOver else { return }
    session.announceShutdown()
    session.goAway()
    try pump()
    session.forEachStream { session.reset($0, .cancel) }
    try pump()
    try check()
  }
}
