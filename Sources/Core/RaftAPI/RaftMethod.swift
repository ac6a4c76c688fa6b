package import GRPCWire

/// Every rpc of raft.v1, by its path.
package enum RaftMethod: String, CaseIterable, Sendable {
  case deliver = "/raft.v1.Raft/Deliver"
  case meet = "/raft.v1.Raft/Meet"
  case report = "/raft.v1.Raft/Report"
  case fetch = "/raft.v1.Raft/Fetch"

  package var path: String { rawValue }
  package var shape: StreamingShape { self == .deliver ? .clientStreaming : .unary }
}
