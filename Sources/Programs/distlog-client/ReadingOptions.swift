import ArgumentParser
import ClientProgram
import DistlogClient

/// What `consume`, `cat` and `tail` share: how much to read and how to print it.
struct ReadingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The log to read. (DISTLOG_LOG)", valueName: "name"))
  var log: String?

  @Option(name: .short, help: ArgumentHelp("Stop after so many records.", valueName: "n"))
  var number: UInt64?

  @Option(
    help: ArgumentHelp(
      "Stop with the record that brings the values to so many bytes.", valueName: "size"))
  var maxBytes: ByteCountValue?

  @Option(help: "How records are written.")
  var frame: Framing?

  @Option(
    help: ArgumentHelp("Print each record so: \(RecordFormat.help).", valueName: "format"))
  var format: String?

  @Flag(help: "See everything acknowledged before the call: the server asks the leader first.")
  var linearizable = false

  @Option(help: "What to do about records that are no longer kept.")
  var onLost: OnLost = .fail

  @Option(help: ArgumentHelp("Only records with exactly this key.", valueName: "key"))
  var keyFilter: String?

  enum OnLost: String, CaseIterable, ExpressibleByArgument {
    case fail
    case skip
  }

  func validate() throws {
    guard frame == nil || format == nil else {
      throw ValidationError("Give --frame or --format, not both.")
    }
    if let format {
      do {
        _ = try RecordFormat(format)
      } catch {
        throw ValidationError("--format: \(error.reason).")
      }
    }
    if let keyFilter, keyFilter.isEmpty { throw ValidationError("--key-filter takes some text.") }
  }

  @MainActor
  func run(
    from start: StartPosition, to stop: StopPosition?, _ context: VerbContext
  ) async throws(ProgramFailure) {
    var options = ConsumeOptions()
    options.log = context.log(log)
    options.start = start.resolved(now: WallClock.now)
    options.stop = stop?.resolved(now: WallClock.now) ?? .never
    options.lost = onLost == .skip ? .skip : .fail
    options.isLinearizable = linearizable
    options.key = Array((keyFilter ?? "").utf8)
    if let number { options.maxRecords = UInt32(clamping: min(number, 10_000)) }
    var limits = ConsumeRun.Limits()
    limits.records = number
    limits.bytes = maxBytes?.bytes
    let client = try context.client()
    if case .time(let time) = options.stop, time <= WallClock.now {
      // Nobody waits for records of the past: the end of the log bounds them.
      options.stop = .offset(try await Self.offset(of: time, in: options.log, client))
    }
    let run = ConsumeRun(
      client: client, writer: try writer(context), limits: limits,
      output: context.output, notes: context.notes, interrupt: .shared)
    // An interrupt cancels the task, which ends the wait for the next batch.
    let reading = Task { @MainActor () -> ProgramFailure? in
      do throws(ProgramFailure) {
        try await run.run(options)
        return nil
      } catch {
        return error
      }
    }
    Interrupt.shared.handle { reading.cancel() }
    if let failure = await reading.value { throw failure }
  }

  private static func offset(
    of time: UInt64, in log: String, _ client: DistlogClient
  ) async throws(ProgramFailure) -> UInt64 {
    do {
      return try await client.findOffset(in: log, at: time).offset
    } catch {
      throw ProgramFailure(error)
    }
  }

  /// `-o json` prints records as JSON too, unless a framing or a format is given.
  @MainActor
  private func writer(_ context: VerbContext) throws(ProgramFailure) -> RecordWriter {
    guard let format else { return .framing(frame ?? (context.isJSON ? .json : .lines)) }
    do {
      return .format(try RecordFormat(format))
    } catch {
      throw ProgramFailure(.usage, code: "USAGE", "--format: \(error.reason)")
    }
  }
}

extension StartPosition {
  func resolved(now: UInt64) -> ConsumeOptions.Start {
    switch self {
    case .earliest: .earliest
    case .latest: .latest
    case .next: .next
    case .tail(let count): .tail(count)
    case .offset(let offset): .offset(offset)
    case .time(let time):
      switch time.resolved(now: now) {
      case 0: .earliest  // no record is older than 1970
      case let nanoseconds: .time(nanoseconds)
      }
    }
  }
}

extension StopPosition {
  func resolved(now: UInt64) -> ConsumeOptions.Stop {
    switch self {
    case .end: .end
    case .offset(let offset): .offset(offset)
    case .time(let time): .time(time.resolved(now: now))
    }
  }
}
