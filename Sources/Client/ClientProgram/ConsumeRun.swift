package import DistlogClient

/// One run of `consume`: takes batches, writes their records, and tells what it came to.
///
/// It writes blocking, on the main thread: a slow reader of the output slows the server down, not
/// this program's memory.
@MainActor
package final class ConsumeRun {
  package struct Limits: Sendable {
    /// Records; nil: no limit.
    package var records: UInt64?
    /// Bytes of values; the record that reaches it is the last.
    package var bytes: UInt64?

    package init() {}
  }

  private let client: DistlogClient
  private let writer: RecordWriter
  private let limits: Limits
  private let output: OutputSink
  private let notes: Notes
  private let interrupt: Interrupt
  private let began = ContinuousClock.now
  private var summary = Summary()
  private var buffer = OutputBuffer(capacity: 512 << 10)

  package init(
    client: DistlogClient, writer: RecordWriter, limits: Limits, output: OutputSink, notes: Notes,
    interrupt: Interrupt
  ) {
    self.client = client
    self.writer = writer
    self.limits = limits
    self.output = output
    self.notes = notes
    self.interrupt = interrupt
  }

  package func run(_ options: ConsumeOptions) async throws(ProgramFailure) {
    var failure: ProgramFailure?
    do {
      if !isFull { try await read(client.session(options)) }
      if summary.records == 0, !interrupt.isRaised { try await checkStart(options) }
    } catch {
      failure = error
    }
    summary.elapsed = .now - began
    if failure == nil || summary.records > 0 { notes.summary(summary) }
    if let failure { throw failure }
  }

  /// A read to the end from beyond the end gives nothing, which could be taken for "nothing new".
  private func checkStart(_ options: ConsumeOptions) async throws(ProgramFailure) {
    guard case .offset(let offset) = options.start, options.stop == .end else { return }
    do {
      try await client.checkStart(offset, in: options.log)
    } catch {
      throw ProgramFailure(error)
    }
  }

  private var isFull: Bool { isFull(summary) }

  private func isFull(_ summary: Summary) -> Bool {
    if let records = limits.records, summary.records >= records { return true }
    if let bytes = limits.bytes, summary.bytes >= bytes { return true }
    return false
  }

  private func read(_ session: ConsumeSession) async throws(ProgramFailure) {
    session.onReconnect = { [notes] error, _ in
      Task { @MainActor in notes.warn("\(error.message); reading on over a new connection") }
    }
    while !isFull, !interrupt.isRaised {
      let batch: RecordBatch?
      do {
        batch = try await session.next()
      } catch {
        if interrupt.isRaised { return }
        throw ProgramFailure(error)
      }
      guard let batch else { return }
      try take(batch)
    }
  }

  private func take(_ batch: RecordBatch) throws(ProgramFailure) {
    if batch.lostRecords > 0 {
      summary.lostRecords += batch.lostRecords
      notes.warn(
        "\(DecimalText.grouped(batch.lostRecords)) records are no longer kept and were skipped")
    }
    let whole = try render(batch, limit: .max)
    var written = 0
    do {
      try buffer.withUnsafeBytes { bytes throws(OutputSink.Failure) in
        try output.write(bytes, written: &written)
      }
    } catch {
      // Rendered again to find the records that the reader has to their last byte.
      summary = try render(batch, limit: written)
      throw .output(error)
    }
    summary = whole
    notes.progress(records: summary.records, bytes: summary.bytes)
  }

  /// Puts the records of a batch into the buffer, and counts those that end within `limit` bytes.
  private func render(_ batch: RecordBatch, limit: Int) throws(ProgramFailure) -> Summary {
    buffer.removeAll()
    var counted = summary
    do {
      try batch.forEach { record throws(DistlogError) in
        try writer.write(record, to: &buffer)
        guard buffer.count <= limit else { return false }
        counted.records += 1
        counted.bytes += UInt64(record.value.count)
        counted.lastOffset = record.offset
        return !isFull(counted)
      }
    } catch {
      throw ProgramFailure(error)
    }
    return counted
  }
}

extension ProgramFailure {
  /// Standard output that failed; a reader that went away is success, and told by nothing.
  package static func output(_ failure: OutputSink.Failure) -> ProgramFailure {
    switch failure {
    case .readerGone: ProgramFailure(.success, code: "READER_GONE", "")
    case .io(let code): .io("standard output cannot be written", errno: code)
    case .interrupted:
      ProgramFailure(
        .interrupted, code: "INTERRUPTED",
        "interrupted while nobody read standard output, which may end inside a record")
    }
  }
}
