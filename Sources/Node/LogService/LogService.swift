package import AccessControl
import GRPCWire
import LogAPI
import NIOCore
import Protobuf
package import RPC

/// The services log.v1.Log and log.v1.Logs: authorizes each call and hands it to its handler.
package final class LogService: Sendable {
  private let core: LogServiceCore
  private let loops: [ServiceLoop]
  private let rules: RulesInForce
  private let subjectOf: @Sendable (ServerConnectionInfo) -> String

  /// - Parameters:
  ///   - loops: one for each event loop that connections run on.
  ///   - subject: the name that the rules know a connection's peer by.
  package init(
    _ core: LogServiceCore, loops: [ServiceLoop], authorizer: Authorizer,
    subject: @escaping @Sendable (ServerConnectionInfo) -> String
  ) {
    self.core = core
    self.loops = loops
    rules = RulesInForce(authorizer)
    subjectOf = subject
    for loop in loops { loop.attach(core.backend) }
  }

  /// What to register with a server.
  package var methods: [RPCMethod] {
    let slot = LogServiceSlot()
    slot.fill(self)
    return slot.methods
  }

  /// Ends streams in an orderly way; every accepted record is still answered. From anywhere.
  package func drain() {
    for loop in loops { loop.eventLoop.execute { loop.drain() } }
  }

  /// Puts other rules in force, for calls that are open too: those that they forbid end with PERMISSION_DENIED. From
  /// anywhere.
  package func replaceRules(_ authorizer: Authorizer) {
    rules.replace(authorizer)
    for loop in loops { loop.eventLoop.execute { loop.judgeAgain() } }
  }

  func start(
    _ method: LogMethod, _ ordinal: Int, _ call: ServerCall
  ) -> any ServerCallHandler {
    let state = connectionState(call)
    if let refusal = state.refusal(of: method, ordinal: ordinal) {
      return RefusedCall(refusal, call, waitsForRequest: method.shape != .bidirectional)
    }
    let loop = state.loop
    if loop.isDraining, method.shape != .unary {
      return RefusedCall(.draining, call, waitsForRequest: false)
    }
    switch method {
    case .produce: return ProduceCall(core, loop, call)
    case .produceStream: return ProduceStreamCall(core, loop, call)
    case .consume: return ConsumeCall(core, loop, call)
    case .consumeStream: return ConsumeStreamCall(core, loop, call)
    case .getServers: return getServers()
    case .initProducer: return initProducer(subject: call.subject)
    case .describeLog: return describeLog()
    case .listLogs: return listLogs()
    case .findOffset: return findOffset()
    case .updateLog: return updateLog()
    case .truncateLog: return truncateLog()
    case .backup: return BackupCall(core, loop, call)
    case .checksum:
      return DiskCall<ChecksumRequest, ChecksumResponse>(core) { [core] in core.checksum($0) }
    case .getStatus, .addServer, .promoteServer, .removeServer, .transferLeadership:
      return administration(method, subject: call.subject)
    }
  }

  private func getServers() -> any ServerCallHandler {
    SimpleCall<GetServersRequest, GetServersResponse>(core) { [core] request in
      guard LogName.isDefault(request.log) else { return .failure(.noSuchLog(request.log)) }
      return .success(core.servers(request))
    }
  }

  private func administration(
    _ method: LogMethod, subject: String
  ) -> any ServerCallHandler {
    let administrator = core.administrator
    func change<Request: ProtobufMessage>(
      _ body: @escaping @Sendable (ClusterAdministrator, Request) async -> Status?
    ) -> any ServerCallHandler {
      AsyncCall<Request, GetServersResponse>(core) { [core] request in
        if let refusal = await body(administrator, request) { return .failure(refusal) }
        return .success(core.servers(GetServersRequest(includeLearners: true)))
      }
    }
    switch method {
    case .addServer: return change { await $0.add($1 as AddServerRequest) }
    case .promoteServer: return change { await $0.promote($1 as PromoteServerRequest) }
    case .removeServer: return change { await $0.remove($1 as RemoveServerRequest) }
    case .transferLeadership:
      return change { await $0.transfer($1 as TransferLeadershipRequest) }
    default:
      return AsyncCall<GetStatusRequest, StatusResponse>(core) { request in
        guard LogName.isDefault(request.log) else { return .failure(.noSuchLog(request.log)) }
        return .success(await administrator.status())
      }
    }
  }

  private func initProducer(subject: String) -> any ServerCallHandler {
    AsyncCall<InitProducerRequest, InitProducerResponse>(core) { [core] request in
      guard request.name.utf8.count <= 128 else {
        return .failure(.invalid("name", "\(request.name.utf8.count) bytes, the limit is 128"))
      }
      return await core.backend.initProducer(subject: subject, name: request.name)
        .map { InitProducerResponse(producerID: $0.id, producerEpoch: $0.epoch) }
        .mapError { Status($0) }
    }
  }

  private func describeLog() -> any ServerCallHandler {
    DiskCall<DescribeLogRequest, LogInfo>(core) { [core] request in
      guard LogName.isDefault(request.name) else {
        return .failure(.noSuchLog(request.name, field: "name"))
      }
      return .success(core.describeLog())
    }
  }

  private func listLogs() -> any ServerCallHandler {
    DiskCall<ListLogsRequest, ListLogsResponse>(core) { [core] request in
      var response = ListLogsResponse()
      if LogName.default.hasPrefix(request.prefix) { response.logs = [core.describeLog()] }
      return .success(response)
    }
  }

  private func updateLog() -> any ServerCallHandler {
    AsyncCall<UpdateLogRequest, LogInfo>(core) { [core] request in await core.updateLog(request) }
  }

  private func truncateLog() -> any ServerCallHandler {
    AsyncCall<TruncateLogRequest, LogInfo>(core) { [core] request in
      await core.truncateLog(request)
    }
  }

  private func findOffset() -> any ServerCallHandler {
    DiskCall<FindOffsetRequest, FindOffsetResponse>(core) { [core] in core.findOffset($0) }
  }

  private func connectionState(_ call: ServerCall) -> ConnectionState {
    if let attachment = call.connection.attachment, let state = attachment as? ConnectionState {
      return state
    }
    guard let loop = loops.first(where: { $0.eventLoop === call.eventLoop }) else {
      preconditionFailure("a connection runs on a loop that the log service does not know")
    }
    let state = ConnectionState(
      loop: loop, subject: subjectOf(call.connection), rules: rules)
    call.connection.attachment = state
    return state
  }
}

/// A call that is answered with a refusal.
///
/// Where one request is due the refusal waits for it: some clients, curl among them, take an answer
/// and the reset behind it for a broken stream while they are still sending. A stream of requests is
/// refused at once, as its first request may be long in coming.
final class RefusedCall: ServerCallHandler {
  private let status: Status

  init(_ status: Status, _ call: ServerCall, waitsForRequest: Bool) {
    self.status = status
    if !waitsForRequest { call.finish(status) }
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { call.finish(status) }

  func receiveEnd(on call: ServerCall) { call.finish(status) }
}
