package import CommitLog
import GRPCWire
import LogAPI
import NIOCore
import Protobuf
import Synchronization

/// What every call of the log service shares: the log, the limits, the clock and the reader thread.
package final class LogServiceCore: Sendable {
  package let backend: any LogBackend
  package let limits: ServiceLimits
  package let about: ServerDescription
  let administrator: ClusterAdministrator
  private let boundAddress = Mutex<String?>(nil)
  private let coldReads: DiskThread
  private let scans: FilteredScan
  private let clock: @Sendable () -> UInt64

  /// - Parameters:
  ///   - coldReads: a thread that may wait for the disk, apart from the one that writes.
  ///   - scans: a thread for reads that look into each record.
  ///   - clock: nanoseconds since 1970.
  package init(
    backend: any LogBackend, limits: ServiceLimits, about: ServerDescription,
    administrator: ClusterAdministrator, coldReads: DiskThread, scans: DiskThread,
    clock: @escaping @Sendable () -> UInt64
  ) {
    self.backend = backend
    self.limits = limits
    self.about = about
    self.administrator = administrator
    self.coldReads = coldReads
    self.scans = FilteredScan(backend.log, on: scans)
    self.clock = clock
  }

  /// Tells clients this address instead of the described one: the port was free to choose.
  package func advertise(_ address: String) { boundAddress.withLock { $0 = address } }

  /// The next offset to be given out; everything below it may be read.
  var committedEnd: UInt64 { backend.committedEnd }

  /// What may be read: the oldest offset kept ..< the next to be given out.
  var available: Range<UInt64> {
    let start = backend.log.offsets.lowerBound
    return start..<max(start, backend.committedEnd)
  }

  // MARK: - Requests

  func validate(
    _ message: UnsafeRawBufferPointer, by reader: ProduceRequestReader
  ) -> Result<ProduceSummary, Status> {
    do throws(ProtobufError) {
      let view = try reader.read(message)
      return ProduceValidation(limits: limits, clock: clock).check(view)
    } catch {
      return .failure(.undecodable("ProduceRequest", error))
    }
  }

  /// Whether a refused request asked for its failure to be reported in the stream.
  func wantsInlineFailures(
    _ message: UnsafeRawBufferPointer, by reader: ProduceRequestReader
  ) -> Bool {
    (try? reader.read(message))?.inlineFailures ?? false
  }

  func decode<Message: ProtobufMessage>(
    _ type: Message.Type, _ bytes: UnsafeRawBufferPointer
  ) -> Result<Message, Status> {
    do throws(ProtobufError) {
      return .success(try Message(reading: bytes.bytes))
    } catch {
      return .failure(.undecodable(Message.descriptorName, error))
    }
  }

  /// Calls `done` on the loop when all that was acknowledged before may be read here, with a status when that cannot be
  /// found out.
  func catchUp(on eventLoop: any EventLoop, _ done: @escaping (Status?) -> Void) {
    let box = UncheckedBox(done)
    Task { [backend] in
      let isDone = await backend.catchUp()
      eventLoop.execute { box.value(isDone ? nil : .noLeaderToAsk) }
    }
  }

  // MARK: - Reads that may wait for the disk

  /// The first record at or after a time, nanoseconds since 1970; nil when all are before it.
  func findOffset(
    at time: UInt64, on eventLoop: any EventLoop,
    _ done: @escaping (Result<(offset: UInt64, timestamp: UInt64)?, CommitLogError>) -> Void
  ) {
    onReaderThread(
      eventLoop,
      { [log = backend.log] in Result { () throws(CommitLogError) in try log.offset(at: time) } },
      done)
  }

  /// Runs `work` where it may wait for the disk, then `done` with what it gave on `eventLoop`.
  func onReaderThread<Value>(
    _ eventLoop: any EventLoop, _ work: @escaping @Sendable () -> Value,
    _ done: @escaping (Value) -> Void
  ) {
    let box = UncheckedBox(done)
    coldReads.run {
      let value = UncheckedBox(work())
      eventLoop.execute { box.value(value.value) }
    }
  }

  func findOffset(_ request: FindOffsetRequest) -> Result<FindOffsetResponse, Status> {
    guard LogName.isDefault(request.log) else { return .failure(.noSuchLog(request.log)) }
    do throws(CommitLogError) {
      let found = try backend.log.offset(at: request.timestampUnixNano)
      let end = committedEnd
      var response = FindOffsetResponse()
      if let found, found.offset < end {
        response.offset = found.offset
        response.timestampUnixNano = found.timestamp
      } else {
        response.offset = end
        response.atEnd = true
      }
      return .success(response)
    } catch {
      return .failure(status(of: error))
    }
  }

  /// Reads on from the cursor until records pass the filter, or for a while.
  func scan(
    from cursor: LogCursor, _ limits: RunGatherer.Limits, _ filter: RecordFilter,
    on eventLoop: any EventLoop, _ done: @escaping (FilteredScan.Part) -> Void
  ) {
    let box = UncheckedBox(done)
    scans.run(from: cursor, limits, filter) { part in
      eventLoop.execute { box.value(part) }
    }
  }

  /// Brings what a cursor reads next into the page cache.
  func warm(
    _ cursor: LogCursor, limit: UInt64, bytes: Int, on eventLoop: any EventLoop,
    _ done: @escaping () -> Void
  ) {
    let box = UncheckedBox(done)
    coldReads.run { [log = backend.log] in
      var cursor = cursor
      let reader = LogReader(log: log)
      // An error is met again, and answered, by the read that this one prepares.
      _ = try? reader.read(
        &cursor, limit: limit, maxRecords: .max, maxBytes: bytes, mayBlock: true
      ) { _ in }
      eventLoop.execute { box.value() }
    }
  }

  /// Bytes that a checksum is taken over in one call, about.
  private static let checksumBytes = 64 << 20

  /// Over the records as they are stored, from an offset on as far as one call goes.
  func checksum(_ request: ChecksumRequest) -> Result<ChecksumResponse, Status> {
    guard LogName.isDefault(request.log) else { return .failure(.noSuchLog(request.log)) }
    let available = available
    let end = request.toOffset == 0 ? available.upperBound : request.toOffset
    guard request.fromOffset >= available.lowerBound else {
      return .failure(
        .offsetTruncated(offset: request.fromOffset, start: available.lowerBound))
    }
    guard request.fromOffset <= end, end <= available.upperBound else {
      return .failure(.offsetOutOfRange(offset: max(request.fromOffset, end), available: available))
    }
    var response = ChecksumResponse()
    response.fromOffset = request.fromOffset
    var cursor = LogCursor(nextOffset: request.fromOffset)
    let reader = LogReader(log: backend.log)
    var bytes = 0
    do throws(CommitLogError) {
      while cursor.nextOffset < end, bytes < Self.checksumBytes {
        let outcome = try reader.read(
          &cursor, limit: end, maxRecords: .max, maxBytes: 1 << 20, mayBlock: true
        ) { run throws(CommitLogError) in
          response.crc32c = CRC32C.checksum(run.bytes, continuing: response.crc32c)
          response.records += UInt64(run.count)
          bytes += run.bytes.count
        }
        guard outcome == .run else { break }
      }
    } catch {
      return .failure(status(of: error))
    }
    response.toOffset = cursor.nextOffset
    return .success(response)
  }

  /// What a reader is told; damage is mended meanwhile, if there are servers to mend it from.
  func status(of error: CommitLogError) -> Status {
    backend.noteDamage(error)
    return Status(error)
  }

  // MARK: - Descriptions

  func describeLog() -> LogInfo {
    let log = backend.log
    let available = available
    var info = LogInfo()
    info.name = LogName.default
    let retention = backend.retention
    info.config = LogConfig(
      retentionBytes: retention.bytes == 0 ? -1 : Int64(clamping: retention.bytes),
      retentionMs: retention.age == 0 ? -1 : Int64(clamping: retention.age / 1_000_000),
      segmentBytes: Int64(about.segmentBytes), maxRecordBytes: UInt32(limits.recordBytes))
    info.startOffset = available.lowerBound
    info.endOffset = available.upperBound
    info.bytes = log.sizeBytes
    info.segments = UInt32(log.segmentCount)
    info.createdUnixNano = about.logCreated
    // Unreadable headers are told to whoever reads the records; here the rest is still worth telling.
    info.firstTimestampUnixNano = ((try? log.firstLogTime()) ?? nil) ?? 0
    info.lastTimestampUnixNano = log.tail.lastLogTime
    info.instanceId = log.identity.logInstanceID.description
    return info
  }

  func servers(_ request: GetServersRequest) -> GetServersResponse {
    let address = boundAddress.withLock { $0 } ?? about.advertisedAddress
    var response = backend.servers(about, address: address)
    if !request.includeLearners { response.servers.removeAll { $0.role == .learner } }
    return response
  }
}

/// How this server names itself to clients.
package struct ServerDescription: Sendable {
  package let nodeID: String
  package let clusterID: String
  /// host:port that clients reach it at.
  package let advertisedAddress: String
  package let segmentBytes: Int
  /// When the log was made, nanoseconds since 1970.
  package let logCreated: UInt64

  package init(
    nodeID: String, clusterID: String, advertisedAddress: String, segmentBytes: Int,
    logCreated: UInt64
  ) {
    self.segmentBytes = segmentBytes
    self.logCreated = logCreated
    self.nodeID = nodeID
    self.clusterID = clusterID
    self.advertisedAddress = advertisedAddress
  }
}
