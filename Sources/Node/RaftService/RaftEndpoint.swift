import ClusterModel
package import GRPCWire
import NIOCore
import Protobuf
package import RPC
package import RaftAPI
import Synchronization
import TLS

/// The service raft.v1: lets in who is a peer, speaks for the same cluster and log, and means this server.
package final class RaftEndpoint: Sendable {
  private let runner = Mutex<RaftRunner?>(nil)
  private let introduce = Mutex<(@Sendable (Introduction) -> Introduction)?>(nil)
  private let report = Mutex<(@Sendable () -> ServerReport)?>(nil)
  /// Streams that are open.
  private let calls = Mutex<[ObjectIdentifier: UncheckedBox<ServerCall>]>([:])
  private let isPeer: @Sendable (ServerConnectionInfo) -> Bool

  /// - Parameter isPeer: whether a connection's certificate is a server's of this cluster.
  package init(isPeer: @escaping @Sendable (ServerConnectionInfo) -> Bool) {
    self.isPeer = isPeer
  }

  /// Hands messages to `runner` from now on; nil: to nobody.
  package func attach(_ runner: RaftRunner?) { self.runner.withLock { $0 = runner } }

  /// How this server answers others that introduce themselves, from now on.
  package func introduce(by answer: @escaping @Sendable (Introduction) -> Introduction) {
    introduce.withLock { $0 = answer }
  }

  /// How this server says how it stands, from now on.
  package func report(by report: @escaping @Sendable () -> ServerReport) {
    self.report.withLock { $0 = report }
  }

  /// Ends the streams of other servers, which are open for as long as both live. Any thread.
  package func drain() {
    attach(nil)
    let open = calls.withLock { calls in
      let open = Array(calls.values)
      calls.removeAll()
      return open
    }
    for call in open { call.value.eventLoop.execute { call.value.finish(.stopping) } }
  }

  func opened(_ call: ServerCall) {
    let box = UncheckedBox(call)
    calls.withLock { $0[ObjectIdentifier(call)] = box }
  }

  func closed(_ call: ServerCall) {
    let id = ObjectIdentifier(call)
    calls.withLock { _ = $0.removeValue(forKey: id) }
  }

  /// What to register with a server.
  package var methods: [RPCMethod] {
    [
      RPCMethod(
        path: RaftMethod.deliver.path, shape: RaftMethod.deliver.shape,
        // Every entry that a client can make must travel.
        maxMessageBytes: 16 << 20
      ) { [self] call in start(call) },
      RPCMethod(
        path: RaftMethod.meet.path, shape: RaftMethod.meet.shape, maxMessageBytes: 64 << 10
      ) { [self] call in
        if let refusal = strangerRefusal(call) { return RefusedDelivery(refusal, call) }
        guard let answer = introduce.withLock({ $0 }) else {
          return RefusedDelivery(.notReady, call)
        }
        return MeetCall(answer)
      },
      RPCMethod(
        path: RaftMethod.report.path, shape: RaftMethod.report.shape, maxMessageBytes: 4 << 10
      ) { [self] call in
        if let refusal = strangerRefusal(call) { return RefusedDelivery(refusal, call) }
        guard let report = report.withLock({ $0 }) else { return RefusedDelivery(.notReady, call) }
        return ReportCall(report)
      },
      RPCMethod(
        path: RaftMethod.fetch.path, shape: RaftMethod.fetch.shape, maxMessageBytes: 4 << 10
      ) { [self] call in
        if let refusal = strangerRefusal(call) { return RefusedDelivery(refusal, call) }
        guard let runner = runner.withLock({ $0 }) else { return RefusedDelivery(.notReady, call) }
        return FetchCall(runner)
      },
    ]
  }

  private func strangerRefusal(_ call: ServerCall) -> Status? {
    guard !isPeer(call.connection) else { return nil }
    return Status(
      .permissionDenied,
      "\(call.connection.identity?.commonName ?? "nobody") is no server of this cluster (tls.peerNames)",
      reason: "ACL_DENIED", metadata: [("action", "peer")])
  }

  private func start(_ call: ServerCall) -> any ServerCallHandler {
    if let refusal = strangerRefusal(call) { return RefusedDelivery(refusal, call) }
    guard let hello = PeerHello(call.metadata) else {
      return RefusedDelivery(
        Status(.invalidArgument, "the stream does not say who speaks to whom (distlog-* metadata)"),
        call)
    }
    guard let runner = runner.withLock({ $0 }) else { return RefusedDelivery(.notReady, call) }
    if let refusal = hello.refusal(by: runner.identity) { return RefusedDelivery(refusal, call) }
    if let refusal = nameRefusal(call, hello, runner) { return RefusedDelivery(refusal, call) }
    return DeliverCall(runner, hello, call, self)
  }

  /// A certificate whose name is a member's speaks for that member only.
  private func nameRefusal(_ call: ServerCall, _ hello: PeerHello, _ runner: RaftRunner) -> Status?
  {
    guard let name = call.connection.identity?.commonName,
      let member = runner.status.members.first(where: { $0.name == name }), member.id != hello.from
    else { return nil }
    return Status(
      .permissionDenied,
      "the certificate of \(name) speaks for \(hello.from), which is another server",
      reason: "ACL_DENIED", metadata: [("action", "peer")])
  }
}

/// Two servers introduce themselves.
private final class MeetCall: ServerCallHandler {
  private let answer: @Sendable (Introduction) -> Introduction

  init(_ answer: @escaping @Sendable (Introduction) -> Introduction) { self.answer = answer }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard let introduction = try? Introduction(reading: message.bytes) else {
      return call.finish(Status(.invalidArgument, "the introduction cannot be read"))
    }
    answer(introduction).serialized().withUnsafeBytes { call.send($0) }
    call.finish(.ok)
  }
}

/// A server is asked how it stands.
private final class ReportCall: ServerCallHandler {
  private let report: @Sendable () -> ServerReport

  init(_ report: @escaping @Sendable () -> ServerReport) { self.report = report }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    report().serialized().withUnsafeBytes { call.send($0) }
    call.finish(.ok)
  }
}

/// A server asks for entries that were damaged on its disk.
private final class FetchCall: ServerCallHandler {
  private let runner: RaftRunner

  init(_ runner: RaftRunner) { self.runner = runner }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard let request = try? FetchRequest(reading: message.bytes) else {
      return call.finish(Status(.invalidArgument, "the request cannot be read"))
    }
    let box = UncheckedBox(call)
    let eventLoop = call.eventLoop
    runner.answer(request) { result in
      let answer = result.map { $0.serialized() }
      // A call that has ended by then ignores its answer.
      eventLoop.execute {
        switch answer {
        case .success(let bytes):
          bytes.withUnsafeBytes { box.value.send($0) }
          box.value.finish(.ok)
        case .failure(.notHere):
          box.value.finish(
            Status(
              .notFound, "entry \(request.index) of this log is not committed or not kept here"))
        case .failure(.unreadable(let why)): box.value.finish(Status(.dataLoss, why))
        }
      }
    }
  }
}

extension Status {
  package static let notReady = Status(
    .unavailable, "this server takes part in no cluster yet", reason: "NOT_READY",
    retryAfter: .milliseconds(200))
}
