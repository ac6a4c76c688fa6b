package import GRPCWire

/// Every rpc of log.v1 that is served, by its path.
package enum LogMethod: String, CaseIterable, Sendable {
  case produce = "/log.v1.Log/Produce"
  case consume = "/log.v1.Log/Consume"
  case consumeStream = "/log.v1.Log/ConsumeStream"
  case produceStream = "/log.v1.Log/ProduceStream"
  case getServers = "/log.v1.Log/GetServers"
  case initProducer = "/log.v1.Producers/InitProducer"
  case describeLog = "/log.v1.Logs/DescribeLog"
  case listLogs = "/log.v1.Logs/ListLogs"
  case findOffset = "/log.v1.Logs/FindOffset"
  case updateLog = "/log.v1.Logs/UpdateLog"
  case truncateLog = "/log.v1.Logs/TruncateLog"
  case getStatus = "/log.v1.Cluster/GetStatus"
  case addServer = "/log.v1.Cluster/AddServer"
  case promoteServer = "/log.v1.Cluster/PromoteServer"
  case removeServer = "/log.v1.Cluster/RemoveServer"
  case transferLeadership = "/log.v1.Cluster/TransferLeadership"
  case checksum = "/log.v1.Cluster/Checksum"
  case backup = "/log.v1.Cluster/Backup"

  package var path: String { rawValue }

  package var shape: StreamingShape {
    switch self {
    case .consumeStream, .backup: .serverStreaming
    case .produceStream: .bidirectional
    default: .unary
    }
  }

  /// The name of the action that a rule must allow, one of AccessControl's; nil when any identity
  /// will do.
  package var action: String? {
    switch self {
    case .produce, .produceStream, .initProducer: "produce"
    case .consume, .consumeStream, .findOffset, .checksum: "consume"
    case .describeLog, .listLogs: "describe"
    case .updateLog: "configure"
    case .truncateLog: "truncate"
    case .getStatus: "cluster.read"
    case .addServer, .promoteServer, .removeServer, .transferLeadership: "cluster.admin"
    case .backup: "backup"
    case .getServers: nil
    }
  }
}
