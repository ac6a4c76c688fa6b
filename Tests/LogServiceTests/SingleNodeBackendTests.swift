import Foundation
import LogAPI
import NIOCore
import NIOPosix
import Protobuf
import TestSupport
import Testing

@testable import CommitLog
@testable import LogService

@Suite struct SingleNodeBackendTests {
  /// A backend over real files, on a loop of its own.
  private final class Fixture: @unchecked Sendable {  // used by one test
    let folder: TemporaryFolder
    let log: CommitLog
    let disk = DiskThread()
    let loop: ServiceLoop
    let backend: SingleNodeBackend

    init(limits: ServiceLimits = ServiceLimits()) throws {
      folder = try TemporaryFolder()
      log = try CommitLog.open(folder.file("data"))
      let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
      loop = ServiceLoop(eventLoop, limits: limits)
      backend = SingleNodeBackend(
        log: log, disk: disk, eventLoop: eventLoop, loops: [loop], limits: limits,
        clock: { 1_700_000_000_000_000_000 }, onChange: { _ in })
      loop.attach(backend)
    }

    /// The entries of one submission as they were answered, in order.
    func submit(_ requests: [ProduceRequest]) async throws -> [Submission.Entry] {
      let box = UncheckedBox(self)
      return try await loop.eventLoop.flatSubmit {
        let submission = Submission()
        let waiter = Waiter(
          expected: requests.count,
          box.value.loop.eventLoop.makePromise(of: [Submission.Entry].self))
        for request in requests {
          request.serialized().withUnsafeBytes {
            submission.add(
              $0, count: request.record == nil ? request.records.count : 1, for: waiter)
          }
        }
        box.value.backend.submit(submission, from: box.value.loop)
        return waiter.promise.futureResult
      }.get()
    }

    func close() async throws {
      await backend.stop()
      disk.stop()
      try log.close()
    }
  }

  private final class Waiter: ProduceWaiter {
    let promise: EventLoopPromise<[Submission.Entry]>
    private let expected: Int
    private var entries: [Submission.Entry] = []

    init(expected: Int, _ promise: EventLoopPromise<[Submission.Entry]>) {
      self.expected = expected
      self.promise = promise
      super.init()
    }

    override func committed(
      _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64
    ) {
      self.entries += entries
      if self.entries.count == expected { promise.succeed(self.entries) }
    }

    override func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
      promise.fail(failure)
    }
  }

  private func request(_ value: [UInt8]) -> ProduceRequest {
    var record = LogAPI.Record()
    record.value = value
    var request = ProduceRequest()
    request.record = record
    return request
  }

  /// The headers of all frames in the first store of a closed log.
  private func headers(_ fixture: Fixture) throws -> [FrameHeader] {
    let logs = fixture.folder.file("data/logs")
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: logs).first)
    let path = "\(logs)/\(name)/00000000000000000000.store"
    let bytes = Array(try #require(FileManager.default.contents(atPath: path)))
    var headers: [FrameHeader] = []
    var position = SegmentHeader.size
    while position < bytes.count {
      let header = try bytes.withUnsafeBytes {
        try FrameHeader(checking: try #require($0.baseAddress) + position)
      }
      headers.append(header)
      position += header.frameBytes
    }
    return headers
  }

  @Test func `requests get dense offsets in their order, and are on disk when answered`()
    async throws
  {
    let fixture = try Fixture()
    var batch = ProduceRequest()
    batch.records = (0..<3).map { number in
      var record = LogAPI.Record()
      record.value = [UInt8(number)]
      return record
    }
    let entries = try await fixture.submit([request([1]), batch, request([2])])
    #expect(entries.map(\.firstOffset) == [0, 1, 4])
    #expect(entries.map(\.lastOffset) == [0, 3, 4])
    #expect(fixture.log.offsets == 0..<5)
    #expect(fixture.backend.committedEnd == 5)
    try await fixture.close()
  }

  /// Else a power cut that keeps the later frame of a write and not the earlier one would be taken
  /// for damage, and the node would not start.
  @Test func `no frame vouches for another of the same write`() async throws {
    let fixture = try Fixture()
    let large = [UInt8](repeating: 7, count: 200 << 10)
    for _ in 0..<3 { _ = try await fixture.submit((0..<4).map { _ in request(large) }) }
    try await fixture.close()
    let headers = try headers(fixture)
    #expect(headers.count == 12)
    for (number, header) in headers.enumerated() {
      let firstOfWrite = UInt64(number / 4 * 4 + 1)
      #expect(header.commitMark < firstOfWrite, "frame \(number)")
      #expect(header.commitMark + 1 == firstOfWrite, "frame \(number) vouches for all before")
    }
  }

  @Test func `a stopped backend refuses, and what it took before is answered`() async throws {
    let fixture = try Fixture()
    #expect(try await fixture.submit([request([1])]).count == 1)
    await fixture.backend.stop()
    await #expect(throws: LogFailure.draining) { _ = try await fixture.submit([request([2])]) }
    #expect(fixture.log.offsets == 0..<1)
    fixture.disk.stop()
    try fixture.log.close()
  }

  /// Notes the order in which requests are answered.
  private final class Order: ProduceWaiter {
    let promise: EventLoopPromise<[String]>
    private let expected: Int
    private var told: [String] = []

    init(expected: Int, _ promise: EventLoopPromise<[String]>) {
      self.expected = expected
      self.promise = promise
      super.init()
    }

    override func committed(
      _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64
    ) {
      for entry in entries { tell("\(entry.firstOffset)") }
    }

    override func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
      tell("refused")
    }

    private func tell(_ what: String) {
      told.append(what)
      if told.count == expected { promise.succeed(told) }
    }
  }

  @Test func `a refusal waits for the answers of what was taken before it`() async throws {
    var limits = ServiceLimits()
    limits.unwrittenBytes = 1000
    let fixture = try Fixture(limits: limits)
    let requests = [request([UInt8](repeating: 1, count: 900)), request([2]), request([3])]
    let told = try await fixture.loop.eventLoop.flatSubmit {
      let order = Order(
        expected: 3, fixture.loop.eventLoop.makePromise(of: [String].self))
      for (number, request) in requests.enumerated() {
        let submission = Submission()
        // The second is over the limit while the first is at the disk.
        let request = number == 1 ? requests[0] : request
        request.serialized().withUnsafeBytes {
          submission.add($0, count: 1, inlineFailure: true, for: order)
        }
        fixture.backend.submit(submission, from: fixture.loop)
      }
      return order.promise.futureResult
    }.get()
    #expect(told == ["0", "refused", "1"])
    #expect(fixture.log.offsets == 0..<2)
    try await fixture.close()
  }
}
