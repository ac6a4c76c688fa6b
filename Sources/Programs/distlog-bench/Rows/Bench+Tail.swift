internal import LogAPI
internal import NIOCore
internal import RPC

/// Sends one record after a pause and measures when it is acknowledged and when a consumer at the
/// tail has it. Confined to its loop; producer and consumer share it, so one clock serves both.
final class TailLoad {
  struct Result: Sendable {
    var acknowledged: Histogram
    var received: Histogram
    var errors: [String: Int]
  }

  private let producer: RPCChannel
  private let consumer: ConsumeLoad
  private let bytes: RecordBytes
  private let pause: TimeAmount
  private let count: Int
  private var sentAt: [UInt64] = []
  private var acknowledged = Histogram()
  private var received = Histogram()
  private var errors: [String: Int] = [:]
  private let done: EventLoopPromise<Result>

  init(
    producer: RPCChannel, consumer: RPCChannel, from offset: UInt64, count: Int, pause: TimeAmount,
    done: EventLoopPromise<Result>
  ) {
    self.producer = producer
    self.count = count
    self.pause = pause
    self.done = done
    bytes = RecordBytes(valueBytes: 128)
    self.consumer = ConsumeLoad(
      consumer, path: LogMethod.consumeStream.rawValue,
      request: .init(offsets: offset..<UInt64.max, maxRecords: 0, stops: false), bytes: bytes)
  }

  func start() {
    consumer.onRecord = { [unowned self] number in
      guard number < sentAt.count else { return }
      received.record(monotonicNow() - sentAt[Int(number)])
      if received.count == count { finish() }
    }
    consumer.start()
    sendNext()
  }

  private func sendNext() {
    guard sentAt.count < count else { return }
    let number = UInt64(sentAt.count)
    let load = UnaryOnce(producer, bytes, number) { [self] failure, took in
      if let failure { errors[failure, default: 0] += 1 } else { acknowledged.record(took) }
    }
    sentAt.append(monotonicNow())
    load.start()
    producer.eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in sendNext() }
  }

  /// Called when a record is still missing at the end.
  func giveUp() {
    guard received.count < count else { return }
    errors["\(UInt64(count) - received.count) records were not received", default: 0] += 1
    finish()
  }

  private func finish() {
    consumer.stop { [self] in
      errors.merge(consumer.tally.errors, uniquingKeysWith: +)
      done.succeed(Result(acknowledged: acknowledged, received: received, errors: errors))
    }
  }
}

extension Bench {
  /// Append to receipt at the tail of an otherwise idle server.
  func tail(from offset: UInt64) async throws -> [Row] {
    let (producer, consumer) = (channel(to: server), channel(to: server))
    try await producer.connect()
    try await consumer.connect()
    let pause = TimeAmount.milliseconds(3)
    let count = Int(seconds * 1e9) / Int(pause.nanoseconds)
    let promise = producer.eventLoop.makePromise(of: TailLoad.Result.self)
    let stopwatch = Stopwatch(server: server.processes)
    let limit = TimeAmount.seconds(Int64(2 * seconds) + 5)
    producer.eventLoop.execute {
      let load = TailLoad(
        producer: producer, consumer: consumer, from: offset, count: count, pause: pause,
        done: promise)
      load.start()
      producer.eventLoop.assumeIsolated().scheduleTask(in: limit) { load.giveUp() }
    }
    let result = try await promise.futureResult.get()
    let usage = stopwatch.usage()
    await producer.close()
    await consumer.close()
    return [("sent to acknowledged", result.acknowledged), ("sent to received", result.received)]
      .map { name, times in
        var tally = Tally()
        tally.records = times.count
        tally.messages = times.count
        tally.latency = times
        tally.errors = result.errors
        return Row(
          "tail, one record each 3 ms: \(name)", tally, usage, valueBytes: 128,
          verified: "\(result.received.count) of \(count) received in order")
      }
  }
}
