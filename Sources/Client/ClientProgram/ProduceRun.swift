package import DistlogClient

/// One run of `produce`: reads inputs, cuts them into records, sends them in batches, and tells what
/// came of it.
///
/// It reads and writes blocking, on the main thread; acknowledgements come on the event loop's.
@MainActor
package final class ProduceRun {
  private let settings: ProduceSettings
  private let client: DistlogClient
  private let output: OutputSink
  private let notes: Notes
  private let interrupt: Interrupt
  private let bell: Bell
  private let tally: ProduceTally
  private let headers: [UInt8]
  private var pacer: Pacer?
  private var batch: ProduceBatch
  /// When the first record of the batch came.
  private var batchBegan = ContinuousClock.now
  private var nextNumber: UInt64 = 1
  private let began = ContinuousClock.now

  package init(
    _ settings: ProduceSettings, client: DistlogClient, output: OutputSink, notes: Notes,
    interrupt: Interrupt
  ) throws(ProgramFailure) {
    self.settings = settings
    self.client = client
    self.output = output
    self.notes = notes
    self.interrupt = interrupt
    bell = try Bell()
    tally = ProduceTally(keepsAcknowledgements: settings.ackOutput != .none)
    headers = ProduceBatch.encode(settings.headers)
    pacer = settings.rate.map { Pacer(perSecond: $0) }
    batch = ProduceBatch(log: settings.log)
  }

  /// Sends the values as a record each or, without any, what the files hold ("-": standard input).
  package func run(values: [String], files: [String]) async throws(ProgramFailure) -> Summary {
    let stream: ProduceStream
    do {
      stream = try await client.produceStream(
        maxInFlight: settings.maxInFlight, isIdempotent: settings.isIdempotent)
    } catch {
      throw ProgramFailure(error)
    }
    interrupt.handle { [bell] in bell.ring() }
    var failure: ProgramFailure?
    do {
      if values.isEmpty {
        try await send(files: files, to: stream)
      } else {
        for value in values { try await send(value: value, to: stream) }
      }
      try await submit(to: stream)
    } catch {
      failure = error
    }
    do {
      try await stream.finish()
    } catch {
      failure = failure ?? ProgramFailure(error)
    }
    do {
      try printAcknowledgements()
    } catch {
      failure = failure ?? error
    }
    let summary = summary
    if failure == nil || summary.records > 0 { notes.summary(summary) }
    if let failure { throw explained(failure) }
    return summary
  }

  // MARK: - Input

  private func send(value: String, to stream: ProduceStream) async throws(ProgramFailure) {
    let bytes = Array(value.utf8)
    try bytes.span.bytes.withUnsafeBytes { bytes throws(ProgramFailure) in try append(bytes) }
    if isFull { try await submit(to: stream) }
  }

  private func send(files: [String], to stream: ProduceStream) async throws(ProgramFailure) {
    var splitter = RecordSplitter(settings.framing, limit: recordLimit)
    for file in files.isEmpty ? ["-"] : files {
      let input = try InputSource(opening: file)
      if input.isTerminal { notes.prompt("One record a line; Ctrl-D ends.") }
      splitter.inputBegins()
      let hasEnded = try await send(input, through: &splitter, to: stream)
      guard hasEnded else { return }
    }
  }

  /// False when it was interrupted.
  private func send(
    _ input: borrowing InputSource, through splitter: inout RecordSplitter, to stream: ProduceStream
  ) async throws(ProgramFailure) -> Bool {
    var isOver = false
    while true {
      while let record = try next(&splitter, input) {
        if pacer != nil { try await pace(stream) }
        if batch.bytes + record.count > ProduceSettings.maxRequestBytes - overhead {
          try await submit(to: stream)
        }
        try append(record, of: input.name, line: splitter.count)
        if isFull { try await submit(to: stream) }
        if interrupt.isRaised { return false }
      }
      if isOver { return true }
      if !batch.isEmpty, lingerLeft <= .zero { try await submit(to: stream) }
      let wait = batch.isEmpty ? nil : lingerLeft
      switch try input.read(into: splitter.space(), wait: wait, bell: bell) {
      case .bytes(let count): splitter.filled(count)
      case .end:
        splitter.inputEnded()
        isOver = true
      case .nothing: try await submit(to: stream)
      case .rung: try rung()
      }
      if interrupt.isRaised { return false }
      if let failed = tally.counts.failed { throw ProgramFailure(failed.error) }
      tell()
    }
  }

  private func next(
    _ splitter: inout RecordSplitter, _ input: borrowing InputSource
  ) throws(ProgramFailure) -> UnsafeRawBufferPointer? {
    do {
      return try splitter.next()
    } catch {
      throw unreadable(error, input.name)
    }
  }

  private func rung() throws(ProgramFailure) { try printAcknowledgements() }

  // MARK: - Batches

  private var isFull: Bool {
    batch.count >= settings.maxRecords || batch.bytes >= ProduceSettings.batchBytes
  }

  private var lingerLeft: Duration { settings.linger - (ContinuousClock.now - batchBegan) }

  private func append(
    _ record: UnsafeRawBufferPointer, of name: String = "", line: Int = 0
  ) throws(ProgramFailure) {
    if batch.isEmpty {
      batchBegan = .now
      batch.firstNumber = nextNumber
    }
    if settings.framing == .json, !name.isEmpty {
      try appendJSON(record, of: name, line)
    } else {
      let (key, value) = KeySplit.split(record, at: settings.keySeparator)
      if let key {
        batch.append(value: value, key: key, timestamp: settings.timestamp, headers: headers)
      } else {
        settings.key.withUnsafeBytes {
          batch.append(value: value, key: $0, timestamp: settings.timestamp, headers: headers)
        }
      }
    }
    nextNumber += 1
  }

  private func appendJSON(
    _ text: UnsafeRawBufferPointer, of name: String, _ line: Int
  ) throws(ProgramFailure) {
    do {
      var record = try RecordJSON.read(text)
      if record.key.isEmpty { record.key = settings.key }
      if record.timestamp == 0 { record.timestamp = settings.timestamp }
      record.headers += settings.headers
      batch.append(record)
    } catch {
      throw ProgramFailure(
        error.isUsage ? .usage : .localIO, code: "BAD_INPUT",
        "line \(line) of \(name): \(error.reason)",
        hint: error.hint
          ?? "each line is an object like {\"key\":\"aw==\",\"value\":\"dg==\"}, bytes in base64")
    }
  }

  private func submit(to stream: ProduceStream) async throws(ProgramFailure) {
    guard !batch.isEmpty else { return }
    let full = batch
    if let first = settings.expectedOffset { full.expectedOffset = first + full.firstNumber - 1 }
    let size = min(full.bytes + 4096, ProduceSettings.batchBytes + (16 << 10))
    batch = ProduceBatch(log: settings.log, capacity: size)
    let handedOver = ContinuousClock.now
    let ringsBell = settings.ackOutput != .none
    do {
      try await stream.submit(full) { [tally, bell] result in
        tally.completed(full, result, after: .now - handedOver)
        if ringsBell { bell.ring() }
      }
    } catch {
      throw ProgramFailure(error)
    }
    try printAcknowledgements()
    tell()
  }

  private func pace(_ stream: ProduceStream) async throws(ProgramFailure) {
    while let wait = pacer?.wait(at: .now) {
      // A record that waits for others must not wait for the pace too.
      if !batch.isEmpty, wait > lingerLeft { try await submit(to: stream) }
      do {
        try await Task.sleep(for: min(wait, .milliseconds(100)))
      } catch {
        return
      }
      if interrupt.isRaised { return }
    }
    pacer?.sent()
  }

  // MARK: - Output

  private func printAcknowledgements() throws(ProgramFailure) {
    guard settings.ackOutput != .none else { return }
    let acknowledgements = tally.takeAcknowledgements()
    guard !acknowledgements.isEmpty else { return }
    var text = OutputBuffer()
    for acknowledgement in acknowledgements {
      AckText.write(acknowledgement, settings.ackOutput, to: &text)
    }
    do {
      try text.withUnsafeBytes { bytes throws(OutputSink.Failure) in try output.write(bytes) }
    } catch {
      throw .output(error)
    }
  }

  private func tell() {
    let counts = tally.counts
    notes.progress(records: counts.records, bytes: counts.bytes)
  }

  private var summary: Summary {
    let counts = tally.counts
    var summary = Summary()
    summary.records = counts.records
    summary.bytes = counts.bytes
    summary.elapsed = .now - began
    summary.latency99 = counts.latency.percentile(0.99)
    summary.lastOffset = counts.lastOffset
    return summary
  }
}

// MARK: - Failures

extension ProduceRun {
  /// Room that key, headers, log name and tags take in a request.
  private var overhead: Int {
    settings.key.count + headers.count + settings.log.utf8.count + 2 * ProduceBatch.overheadBytes
  }

  private var recordLimit: Int {
    let text = settings.framing == .json ? 2 : 1  // base64 and names around it
    return text * ProduceSettings.maxRequestBytes - overhead
  }

  private var unit: String { settings.framing == .lines ? "line" : "record" }

  private func unreadable(_ error: SplitError, _ name: String) -> ProgramFailure {
    switch error {
    case .tooLong(let number, let size, let limit):
      var failure = ProgramFailure(
        .failure, code: "MESSAGE_TOO_LARGE",
        "\(unit) \(number) of \(name) has \(DecimalText.grouped(size)) bytes or more, a request"
          + " holds \(DecimalText.grouped(limit))",
        hint: "split it; is --frame \(settings.framing.rawValue) the framing of this input?")
      failure.metadata = ["number": "\(number)", "size": "\(size)", "limit": "\(limit)"]
      return failure
    case .truncated(let number, let missing):
      return ProgramFailure(
        .localIO, code: "BAD_INPUT",
        "\(name) ends inside record \(number): \(DecimalText.grouped(missing)) bytes are missing",
        hint: "is it complete, and framed by --frame length?")
    }
  }

  /// Says which records the failure is about, and what became of the others.
  private func explained(_ failure: ProgramFailure) -> ProgramFailure {
    let counts = tally.counts
    var failure = counts.failed.map { ProgramFailure($0.error) } ?? failure
    if let failed = counts.failed {
      let first = failed.batch.firstNumber
      let last = first + UInt64(failed.batch.count) - 1
      if failed.error.code == "INVALID_ARGUMENT" {
        failure.message = subject(failed.batch, failed.error, first, last) + failure.message
      }
      if failed.error.isOutcomeUnknown {
        failure.message += "; from \(unit) \(first) on records may or may not be in the log"
        failure.hint = "read the end of the log before sending them again"
      }
    }
    let last = counts.lastOffset.map { "\($0)" } ?? "?"
    let acknowledged =
      switch counts.records {
      case 0: "no record was acknowledged"
      case 1: "1 record was acknowledged, at offset \(last)"
      default:
        "\(DecimalText.grouped(counts.records)) records were acknowledged, the last at offset \(last)"
      }
    failure.message += "; \(acknowledged)"
    failure.metadata["acknowledged"] = "\(counts.records)"
    failure.metadata["lastOffset"] = counts.lastOffset.map { "\($0)" }
    return failure
  }

  private func subject(
    _ batch: ProduceBatch, _ error: DistlogError, _ first: UInt64, _ last: UInt64
  ) -> String {
    if error.reason == "RECORD_TOO_LARGE", let limit = error.metadata["limit"].flatMap({ Int($0) }),
      let record = batch.firstRecord(over: limit)
    {
      return "\(unit) \(record.number) (\(DecimalText.grouped(record.size)) bytes): "
    }
    return first == last ? "\(unit) \(first): " : "\(unit)s \(first) to \(last): "
  }
}
