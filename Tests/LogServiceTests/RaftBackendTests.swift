import ClusterModel
import Foundation
import LogAPI
import NIOCore
import NIOPosix
import Protobuf
import RaftAPI
import RaftCore
import RaftNode
import RaftService
import TestSupport
import Testing

@testable import CommitLog
@testable import LogService

@Suite struct RaftBackendTests {
  /// A backend over the real files of a group of one, on a loop of its own.
  private final class Fixture: @unchecked Sendable {  // used by one test
    let folder: TemporaryFolder
    let disk = DiskThread()
    let loop: ServiceLoop
    let runner: RaftRunner
    let backend: RaftBackend
    var log: CommitLog { backend.log }

    init(limits: ServiceLimits = ServiceLimits()) async throws {
      folder = try TemporaryFolder()
      let storage = UniqueID.random()
      let own = MemberEntry(NodeID(storage), name: "n1", address: "h:1", isLearner: false)
      let founding = Founding(
        clusterID: "\(UniqueID.random())", logID: "\(UniqueID.random())", members: [own])
      let cluster = ClusterFolder(
        folder.file("data"), disk: LinuxDisk(), options: CommitLog.Options())
      _ = try cluster.state { _ in own }
      _ = try cluster.complete(FormationFile<LinuxDisk>.State(.founding, storage, founding))
      let replica = try Replica(
        folder.file("data"), disk: LinuxDisk(), settings: Replica<LinuxDisk>.Settings(),
        founders: [], isNew: false, random: SeededRandom(seed: 1), at: RaftRunner.now())
      let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
      loop = ServiceLoop(eventLoop, limits: limits)
      runner = RaftRunner(
        replica, settings: RaftRunner.Settings(), diskThread: disk, eventLoop: eventLoop
      ) { _ in }
      backend = RaftBackend(runner, loops: [loop], limits: limits)
      loop.attach(backend)
      runner.start(backend)
      await runner.whenReady()
    }

    /// The entries of one submission as they were answered, in order.
    func submit(
      _ requests: [ProduceRequest], subject: String = "tester", inline: Bool = false
    ) async throws -> [Submission.Entry] {
      let box = UncheckedBox(self)
      return try await loop.eventLoop.flatSubmit {
        let submission = Submission()
        let waiter = Waiter(
          subject, expected: requests.count,
          box.value.loop.eventLoop.makePromise(of: [Submission.Entry].self))
        for request in requests {
          request.serialized().withUnsafeBytes {
            submission.add(
              $0, count: request.record == nil ? request.records.count : 1, inlineFailure: inline,
              isJudged: request.producerID != 0 || request.expectedOffset != nil, for: waiter)
          }
        }
        box.value.backend.submit(submission, from: box.value.loop)
        return waiter.promise.futureResult
      }.get()
    }

    func close() async throws {
      await backend.drain()
      try await runner.stop()
      disk.stop()
    }
  }

  private final class Waiter: ProduceWaiter {
    let promise: EventLoopPromise<[Submission.Entry]>
    private let expected: Int
    private var entries: [Submission.Entry] = []

    init(
      _ subject: String, expected: Int, _ promise: EventLoopPromise<[Submission.Entry]>
    ) {
      self.expected = expected
      self.promise = promise
      super.init(subject: subject)
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
      if header.kind == .data { headers.append(header) }
      position += header.frameBytes
    }
    return headers
  }

  @Test func `requests get dense offsets in their order, and are on disk when answered`()
    async throws
  {
    let fixture = try await Fixture()
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
    let fixture = try await Fixture()
    let large = [UInt8](repeating: 7, count: 200 << 10)
    for _ in 0..<3 { _ = try await fixture.submit((0..<4).map { _ in request(large) }) }
    try await fixture.close()
    let headers = try headers(fixture)
    #expect(headers.count == 12)
    for (number, header) in headers.enumerated() {
      // The membership and the leader's first entry come before.
      let firstOfWrite = UInt64(number / 4 * 4 + 3)
      #expect(header.commitMark < firstOfWrite, "frame \(number)")
      #expect(header.commitMark + 1 == firstOfWrite, "frame \(number) vouches for all before")
    }
  }

  @Test func `a stopped backend refuses, and what it took before is answered`() async throws {
    let fixture = try await Fixture()
    #expect(try await fixture.submit([request([1])]).count == 1)
    await fixture.backend.drain()
    await #expect(throws: LogFailure.draining) { _ = try await fixture.submit([request([2])]) }
    #expect(fixture.log.offsets == 0..<1)
    try await fixture.close()
  }

  /// Notes the order in which requests are answered.
  private final class Order: ProduceWaiter {
    let promise: EventLoopPromise<[String]>
    private let expected: Int
    private var told: [String] = []

    init(expected: Int, _ promise: EventLoopPromise<[String]>) {
      self.expected = expected
      self.promise = promise
      super.init(subject: "tester")
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
    let fixture = try await Fixture(limits: limits)
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

  // MARK: - Idempotence and expectations (SEMANTICS section 3)

  private func stamped(
    _ values: Int, _ id: UInt64, epoch: UInt32 = 0, sequence: UInt64
  ) -> ProduceRequest {
    var request = ProduceRequest()
    request.records = (0..<values).map { number in
      var record = LogAPI.Record()
      record.value = [UInt8(truncatingIfNeeded: number)]
      return record
    }
    request.producerID = id
    request.producerEpoch = epoch
    request.sequence = sequence
    return request
  }

  private func producer(
    _ fixture: Fixture, _ name: String = "", subject: String = "tester"
  ) async throws -> (id: UInt64, epoch: UInt32) {
    try await fixture.backend.initProducer(subject: subject, name: name).get()
  }

  @Test func `a request that comes again is answered as the first time`() async throws {
    let fixture = try await Fixture()
    let (id, _) = try await producer(fixture)
    let first = try await fixture.submit([
      stamped(2, id, sequence: 0), stamped(3, id, sequence: 2), stamped(1, id, sequence: 5),
    ])
    #expect(first.map(\.firstOffset) == [0, 2, 5])
    #expect(first.map(\.isDuplicate) == [false, false, false])
    let again = try await fixture.submit([
      stamped(3, id, sequence: 2), stamped(1, id, sequence: 5), stamped(4, id, sequence: 6),
    ])
    #expect(again.map(\.firstOffset) == [2, 5, 6])
    #expect(again.map(\.isDuplicate) == [true, true, false])
    // Twice in one write.
    let twice = try await fixture.submit([
      stamped(1, id, sequence: 10), stamped(1, id, sequence: 10),
    ])
    #expect(twice.map(\.firstOffset) == [10, 10])
    #expect(twice.map(\.isDuplicate) == [false, true])
    #expect(fixture.log.offsets == 0..<11)
    try await fixture.close()
    // Requests that follow each other share an entry: 3, 1 (the fourth record came alone), 1.
    #expect(try headers(fixture).map(\.recordCount) == [6, 4, 1])
  }

  @Test func `what does not follow from the producer's last request is refused`() async throws {
    let fixture = try await Fixture()
    let (id, _) = try await producer(fixture)
    func refusal(_ request: ProduceRequest, subject: String = "tester") async -> LogFailure? {
      do {
        _ = try await fixture.submit([request], subject: subject)
        return nil
      } catch {
        return error as? LogFailure
      }
    }
    #expect(await refusal(stamped(1, 999, sequence: 0)) == .producer(.unknown))
    #expect(await refusal(stamped(1, id, epoch: 1, sequence: 0)) == .producer(.unknown))
    #expect(await refusal(stamped(1, id, sequence: 3)) == .producer(.gap(expected: 0)))
    #expect(await refusal(stamped(1, id, sequence: 0), subject: "other") == .producer(.notYours))
    for number in 0..<70 as Range<UInt64> {
      _ = try await fixture.submit([stamped(1, id, sequence: number)])
    }
    #expect(await refusal(stamped(1, id, sequence: 5)) == .producer(.tooOld))
    #expect(try await fixture.submit([stamped(1, id, sequence: 6)]).map(\.firstOffset) == [6])
    #expect(fixture.log.offsets == 0..<70)
    try await fixture.close()
  }

  @Test func `a name gets its id again, with an epoch that fences the one before`() async throws {
    let fixture = try await Fixture()
    let first = try await producer(fixture, "orders")
    _ = try await fixture.submit([stamped(1, first.id, sequence: 0)])
    let second = try await producer(fixture, "orders")
    #expect(second.id == first.id)
    #expect(second.epoch == first.epoch + 1)
    let other = try await producer(fixture, "orders", subject: "other")
    #expect(other.id != first.id)
    await #expect(throws: LogFailure.producer(.fenced(epoch: second.epoch))) {
      _ = try await fixture.submit([stamped(1, first.id, sequence: 1)])
    }
    let entries = try await fixture.submit([
      stamped(1, second.id, epoch: second.epoch, sequence: 0)
    ])
    #expect(entries.map(\.firstOffset) == [1])
    try await fixture.close()
  }

  @Test func `an expected offset is looked at, request by request`() async throws {
    let fixture = try await Fixture()
    func expecting(_ offset: UInt64) -> ProduceRequest {
      var request = request([1])
      request.expectedOffset = offset
      return request
    }
    let entries = try await fixture.submit([expecting(0), expecting(1), request([2])])
    #expect(entries.map(\.firstOffset) == [0, 1, 2])
    await #expect(throws: LogFailure.offsetMismatch(next: 3)) {
      _ = try await fixture.submit([expecting(0)])
    }
    // Behind a refused request nothing of the call is written.
    await #expect(throws: LogFailure.offsetMismatch(next: 3)) {
      _ = try await fixture.submit([expecting(7), request([3])])
    }
    #expect(fixture.log.offsets == 0..<3)
    try await fixture.close()
  }
}
