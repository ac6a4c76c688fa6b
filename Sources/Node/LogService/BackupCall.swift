import CommitLog
import GRPCWire
import LogAPI
import NIOCore
import Protobuf
import RPC

/// One Backup: the image of the log, read on the thread for that as fast as flow control takes it.
///
/// Holds at most two pieces of an image: a client that reads nothing costs a little over 2 MiB, and is closed like a consumer
/// that does.
final class BackupCall: ServerCallHandler, OpenCall {
  /// Of one message; below what stock clients take (4 MiB).
  private static let messageBytes = 512 << 10

  private let service: LogServiceCore
  private let loop: ServiceLoop
  private let call: ServerCall
  private var stream: SnapshotStream?
  private var piece: ArraySlice<UInt8> = []
  private var isReading = false
  private var isOver = false
  private var hasBegun = false
  private var blockedSince: NIODeadline?

  init(_ service: LogServiceCore, _ loop: ServiceLoop, _ call: ServerCall) {
    self.service = service
    self.loop = loop
    self.call = call
    loop.opened(self)
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    switch service.decode(BackupRequest.self, message) {
    case .failure(let status): finish(status)
    case .success(let request):
      if let other = request.logs.first(where: { !LogName.isDefault($0) }) {
        return finish(.noSuchLog(other, field: "logs"))
      }
      do throws(CommitLogError) {
        stream = try service.backend.log.snapshotStream()
      } catch {
        return finish(service.status(of: error))
      }
      pump()
    }
  }

  func receiveEnd(on call: ServerCall) {}

  func readyToSend(on call: ServerCall) {
    blockedSince = nil
    pump()
  }

  private func pump() {
    while !isOver, !isReading, let stream {
      guard call.bufferedBytes < Self.messageBytes / 2 else {
        if blockedSince == nil { blockedSince = .now() }
        return
      }
      guard !piece.isEmpty else { return read(stream) }
      let part = piece.prefix(Self.messageBytes)
      piece = piece.dropFirst(Self.messageBytes)
      let chunk = BackupChunk(
        data: Array(part), totalBytes: hasBegun ? 0 : stream.estimatedBytes)
      hasBegun = true
      chunk.serialized().withUnsafeBytes { call.send($0) }
    }
  }

  private func read(_ stream: SnapshotStream) {
    isReading = true
    service.onReaderThread(
      loop.eventLoop, { Result { () throws(CommitLogError) in try stream.next() } }
    ) { [weak self] result in
      guard let self, !self.isOver else { return }
      self.isReading = false
      switch result {
      case .failure(let error): self.finish(self.service.status(of: error))
      case .success(nil): self.finish(.ok)
      case .success(let piece?):
        self.piece = piece[...]
        self.pump()
      }
    }
  }

  // MARK: - Ending

  func ended(_ reason: CallEnd, on call: ServerCall) { release() }

  var serverCall: ServerCall? { call }

  func refuse(_ status: Status) { finish(status) }

  func drain() { finish(.draining) }

  func check(_ now: NIODeadline) {
    let limit = service.limits.consumerStall
    guard let blockedSince, now - blockedSince > TimeAmount(limit), release() else { return }
    call.finish(.backupStalled(after: limit), orResetAfter: TimeAmount(min(limit, .seconds(30))))
  }

  private func finish(_ status: Status) {
    guard release() else { return }
    call.finish(status)
  }

  @discardableResult
  private func release() -> Bool {
    if isOver { return false }
    isOver = true
    stream = nil
    piece = []
    loop.closed(self)
    return true
  }
}
