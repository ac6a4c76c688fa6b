import GRPCWire
import NIOCore
import Protobuf
import Synchronization

/// grpc.health.v1: what a probe or a balancer is told of each service, "" being the whole server.
package final class HealthService: Sendable {
  package enum Health: Sendable { case serving, notServing }

  private struct Table {
    var health: [String: Health] = ["": .serving]
    var watchers: [UInt64: NIOLoopBound<WatchHandler>] = [:]
    var nextWatcher: UInt64 = 0
  }

  private let table = Mutex(Table())

  package init() {}

  /// From any thread; those who watch are told.
  package func set(_ service: String, _ health: Health) {
    tell(
      table.withLock { table in
        table.health[service] = health
        return Array(table.watchers.values)
      })
  }

  /// Ends the calls of those who watch: a probe that follows for ever would hold up a drain.
  package func endWatches() {
    for watcher in table.withLock({ Array($0.watchers.values) }) {
      watcher.eventLoop.execute { watcher.value.end() }
    }
  }

  package var methods: [RPCMethod] {
    HealthMethod.allCases.map { method in
      // A service's name is all that a request holds.
      RPCMethod(path: method.rawValue, shape: method.shape, maxMessageBytes: 64 << 10) { _ in
        switch method {
        case .check: CheckHandler(self)
        case .watch: WatchHandler(self)
        }
      }
    }
  }

  fileprivate func health(of service: String) -> Health? {
    table.withLock { $0.health[service] }
  }

  fileprivate func watch(_ watcher: NIOLoopBound<WatchHandler>) -> UInt64 {
    table.withLock { table in
      table.nextWatcher += 1
      table.watchers[table.nextWatcher] = watcher
      return table.nextWatcher
    }
  }

  fileprivate func unwatch(_ id: UInt64) {
    _ = table.withLock { $0.watchers.removeValue(forKey: id) }
  }

  private func tell(_ watchers: [NIOLoopBound<WatchHandler>]) {
    for watcher in watchers {
      watcher.eventLoop.execute { watcher.value.tell() }
    }
  }
}

extension HealthService.Health {
  fileprivate var status: HealthCheckResponse.ServingStatus {
    switch self {
    case .serving: .serving
    case .notServing: .notServing
    }
  }
}

private func parse(_ message: UnsafeRawBufferPointer) -> String? {
  // What is wrong with it is of no use to a probe: INVALID_ARGUMENT says enough.
  (try? HealthCheckRequest(reading: message.bytes))?.service
}

private let malformed = Status(.invalidArgument, "not a HealthCheckRequest")

/// Answers once; an unknown service is NOT_FOUND.
private final class CheckHandler: ServerCallHandler {
  private let service: HealthService

  init(_ service: HealthService) { self.service = service }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard let name = parse(message) else { return call.finish(malformed) }
    guard let health = service.health(of: name) else {
      return call.finish(Status(.notFound, "unknown service \"\(name)\""))
    }
    HealthCheckResponse(status: health.status).serialized().withUnsafeBytes { call.send($0) }
    call.finish()
  }
}

/// Answers at once and then at each change; an unknown service is SERVICE_UNKNOWN until it is known.
private final class WatchHandler: ServerCallHandler {
  private let service: HealthService
  private var name: String?
  private var call: ServerCall?
  private var id: UInt64?
  private var told: HealthCheckResponse.ServingStatus?

  init(_ service: HealthService) { self.service = service }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard let name = parse(message) else { return call.finish(malformed) }
    self.name = name
    self.call = call
    id = service.watch(NIOLoopBound(self, eventLoop: call.eventLoop))
    tell()
  }

  /// Only the newest state counts: one that a slow client has not taken yet is not followed by
  /// more until it has.
  func tell() {
    guard let call, let name, call.bufferedBytes == 0 else { return }
    let status = service.health(of: name)?.status ?? .serviceUnknown
    guard status != told else { return }
    told = status
    HealthCheckResponse(status: status).serialized().withUnsafeBytes { call.send($0) }
  }

  func end() {
    guard let call else { return }
    self.call = nil
    if let id { service.unwatch(id) }
    call.finish(.stopping)
  }

  func readyToSend(on call: ServerCall) { tell() }

  func ended(_ reason: CallEnd, on call: ServerCall) {
    self.call = nil
    if let id { service.unwatch(id) }
  }
}
