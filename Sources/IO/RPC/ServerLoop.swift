import GRPCWire
import Glibc
import HTTP2
import Logging
import NIOCore
import TLS

/// What the connections of one event loop share: memory, ready-made headers, one clock tick.
final class ServerLoop {
  /// Plain bytes gathered for one TLS write, and one DATA frame more: whole records, and a whole
  /// message of 64 KiB, so that a reader that stalls then leaves either the message with its call or
  /// its bytes with the socket, not both.
  static let turnBytes = 3 * TLSSession.maxRecordBytes + 1024
  private static let scratchBytes = 5 * TLSSession.maxRecordBytes

  let eventLoop: any EventLoop
  let configuration: RPCServerConfiguration
  let router: ServiceRouter
  /// The most bytes of messages not yet whole on one connection.
  let maxGatheredBytes: Int
  let pool = HTTP2Pool()
  let output = HTTP2Output(capacity: 2 * ServerLoop.turnBytes)
  /// Where TLS decrypts to.
  let scratch: UnsafeMutableRawBufferPointer
  /// What goes to the socket; used again when the socket took it all.
  var wire = ByteBuffer()
  let headers = ResponseHeaders()
  /// What new connections are accepted with; replaced when certificates are.
  private(set) var tls: TLSContext?
  private let limit: ConnectionLimit
  private(set) var connections: [ServerConnection] = []
  private var dirty: [ServerConnection] = []
  private var isTicking = false
  private var refusalLog = LogBudget(10)
  private var isDraining = false
  /// The drain's time was up: nobody is waited for any more.
  private var isStopped = false
  private var whenEmpty: [EventLoopPromise<Void>] = []

  init(
    _ eventLoop: any EventLoop, _ configuration: RPCServerConfiguration, _ router: ServiceRouter,
    _ limit: ConnectionLimit
  ) {
    self.limit = limit
    self.eventLoop = eventLoop
    self.configuration = configuration
    tls = configuration.tls
    self.router = router
    maxGatheredBytes = max(
      configuration.maxGatheredBytes, router.largestMessageBytes + MessagePrefix.size)
    scratch = .allocate(byteCount: Self.scratchBytes, alignment: 16)
  }

  deinit { scratch.deallocate() }

  // MARK: - Connections

  /// False when the server has as many as it may.
  func add(_ connection: ServerConnection) -> Bool {
    guard limit.enter() else {
      noteRefused(connection)
      return false
    }
    connection.slot = connections.count
    connections.append(connection)
    if isDraining { connection.drain() }
    if isStopped { connection.stop() }
    tickSoon()
    return true
  }

  private func noteRefused(_ connection: ServerConnection) {
    guard let logger = configuration.logger,
      let count = limit.refused(at: NIODeadline.now().uptimeNanoseconds)
    else { return }
    let address = connection.info.remoteAddress
    logger.warning(
      "refused \(count) connections over the limit of \(limit.most), the last from \(address)")
  }

  func remove(_ connection: ServerConnection) {
    guard let slot = connection.slot else { return }
    connection.slot = nil
    limit.leave()
    let last = connections.removeLast()
    if last !== connection {
      connections[slot] = last
      last.slot = slot
    }
    if connections.isEmpty { succeedWhenEmpty() }
  }

  /// Has the connection flushed once at the end of this turn of the event loop.
  func markDirty(_ connection: ServerConnection) {
    dirty.append(connection)
    guard dirty.count == 1 else { return }
    eventLoop.assumeIsolated().execute { self.flushDirty() }
  }

  private func flushDirty() {
    let now = dirty
    dirty.removeAll()
    for connection in now {
      connection.isDirty = false
      connection.flush()
    }
  }

  // MARK: - Time

  /// One tick a second looks after time-outs of all connections; none while there is none.
  private func tickSoon() {
    guard !isTicking, !connections.isEmpty else { return }
    isTicking = true
    eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
      self.isTicking = false
      let now = NIODeadline.now()
      let today = Int64(time(nil))
      // A copy: a connection may be cut meanwhile.
      for connection in self.connections { connection.tick(now, today: today) }
      self.reportRefusals()
      self.tickSoon()
    }
  }

  // MARK: - Who was refused

  /// A client that was refused before it was known: a flood of them must not fill a disk with lines.
  func logRefusal(_ line: @autoclosure () -> String) {
    if refusalLog.take() { configuration.logger?.info("\(line())") }
  }

  private func reportRefusals() {
    let leftOut = refusalLog.renew()
    guard leftOut > 0 else { return }
    configuration.logger?.info("\(leftOut) more connections were refused within a second")
  }

  // MARK: - Other certificates

  /// Accepts connections with `context` from now on, and ends those whose certificate it does not take.
  func replaceTLS(_ context: TLSContext) {
    tls = context
    for connection in connections { connection.judgeAgain(by: context) }
  }

  // MARK: - Draining

  func drain() -> EventLoopFuture<Void> {
    isDraining = true
    let promise = eventLoop.makePromise(of: Void.self)
    whenEmpty.append(promise)
    for connection in connections { connection.drain() }
    if connections.isEmpty { succeedWhenEmpty() }
    return promise.futureResult
  }

  /// Ends all calls and connections. Clients that do not take what is still said to them are left
  /// after `patience`.
  func stopAll(patience: TimeAmount = .seconds(1)) {
    isStopped = true
    for connection in connections { connection.stop() }
    guard !connections.isEmpty else { return }
    eventLoop.assumeIsolated().scheduleTask(in: patience) {
      for connection in self.connections { connection.abandon() }
    }
  }

  private func succeedWhenEmpty() {
    let waiting = whenEmpty
    whenEmpty = []
    for promise in waiting { promise.succeed(()) }
  }
}
