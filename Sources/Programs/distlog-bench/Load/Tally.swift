/// What a load has seen so far.
struct Tally {
  /// Records acknowledged or received since the measurement began.
  var records: UInt64 = 0
  /// Messages received since the measurement began.
  var messages: UInt64 = 0
  var latency = Histogram()
  /// Everything acknowledged or received, warm-up included.
  var pairs = PairSum()
  var lowestOffset = UInt64.max
  var highestOffset: UInt64 = 0
  var errors: [String: Int] = [:]

  /// Of the record at the lowest offset to behind the one at the highest.
  var offsets: Range<UInt64> {
    pairs.count == 0 ? 0..<0 : lowestOffset..<(highestOffset + 1)
  }

  @inline(__always)
  mutating func acknowledged(offset: UInt64, number: UInt64) {
    records &+= 1
    pairs.add(offset: offset, number: number)
    if offset < lowestOffset { lowestOffset = offset }
    if offset > highestOffset { highestOffset = offset }
  }

  mutating func failed(_ reason: String) { errors[reason, default: 0] += 1 }

  /// Starts the measured part.
  mutating func beginMeasuring() {
    records = 0
    messages = 0
    latency = Histogram()
  }

  mutating func add(_ other: Tally) {
    records += other.records
    messages += other.messages
    latency.add(other.latency)
    pairs.add(other.pairs)
    lowestOffset = min(lowestOffset, other.lowestOffset)
    highestOffset = max(highestOffset, other.highestOffset)
    errors.merge(other.errors, uniquingKeysWith: +)
  }
}

/// Something that keeps one channel busy. Confined to the channel's event loop.
protocol Load: AnyObject {
  var tally: Tally { get set }
  func start()
  /// Sends nothing new; `done` is called when all that was sent is answered.
  func stop(_ done: @escaping () -> Void)
}

/// What answers look like.
enum AnswerKind: Sendable {
  /// A ProduceResponse.
  case produce
  /// The request again.
  case echo

  /// Reads one answer to records `number` ... of a request: nil, or what is wrong with it.
  @inline(__always)
  func read(
    _ answer: UnsafeRawBufferPointer, number: UInt64, of bytes: RecordBytes, into tally: inout Tally
  ) -> String? {
    switch self {
    case .produce:
      Self.readProduce(answer, number: number, count: bytes.recordsPerRequest, into: &tally)
    case .echo:
      Self.readEcho(answer, number: number, of: bytes, into: &tally)
    }
  }

  @inline(__always)
  private static func readProduce(
    _ answer: UnsafeRawBufferPointer, number: UInt64, count: Int, into tally: inout Tally
  ) -> String? {
    var first: UInt64 = 0
    var last: UInt64 = 0
    if var fields = MessageFields(answer) {
      while true {
        let tag = fields.next()
        if tag == 0 { break }
        switch tag {
        case 1 << 3: first = fields.value
        case 8 << 3: last = fields.value
        case 15 << 3 | 2: return "an answer carries a failure"
        default: break
        }
      }
      if fields.isMalformed { return "malformed answer" }
    }
    guard last &- first &+ 1 == UInt64(count) else {
      return "offsets \(first)...\(last) for \(count) records"
    }
    for index in 0..<UInt64(count) {
      tally.acknowledged(offset: first + index, number: number + index)
    }
    return nil
  }

  private static func readEcho(
    _ answer: UnsafeRawBufferPointer, number: UInt64, of bytes: RecordBytes, into tally: inout Tally
  ) -> String? {
    guard answer.count == bytes.requestBytes, bytes.recordsPerRequest == 1,
      bytes.number(in: UnsafeRawBufferPointer(rebasing: answer.suffix(bytes.valueBytes))) == number
    else { return "an echo differs from what was sent" }
    tally.records &+= 1
    return nil
  }
}
