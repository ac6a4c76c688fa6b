package import ClusterModel
package import CommitLog
package import GRPCWire
import RaftNode

/// Who speaks to whom about which log: the metadata at the start of each stream between servers. Its check is what keeps two
/// clusters, two logs, or a node and the wiped disk that bears its name, from being mixed up (RAFT-RULES 20 and 41).
package struct PeerHello: Equatable, Sendable {
  package var cluster: UniqueID
  package var log: UniqueID
  package var from: NodeID
  package var to: NodeID
  /// Where the sender listens: a server that is being added knows no members yet. Empty: not told.
  package var address: String

  package init(
    cluster: UniqueID, log: UniqueID, from: NodeID, to: NodeID, address: String = ""
  ) {
    self.cluster = cluster
    self.log = log
    self.from = from
    self.to = to
    self.address = address
  }

  package var metadata: [(String, String)] {
    [
      ("distlog-cluster", "\(cluster)"), ("distlog-log", "\(log)"),
      ("distlog-from", "\(UniqueID(from))"), ("distlog-to", "\(UniqueID(to))"),
      ("distlog-address", address),
    ]
  }

  /// nil where one is missing or no id.
  package init?(_ metadata: Metadata) {
    func id(_ name: String) -> UniqueID? { metadata[name].flatMap { UniqueID($0) } }
    guard let cluster = id("distlog-cluster"), let log = id("distlog-log"),
      let from = id("distlog-from"), let to = id("distlog-to")
    else { return nil }
    self.init(
      cluster: cluster, log: log, from: NodeID(from), to: NodeID(to),
      address: metadata["distlog-address"] ?? "")
  }

  /// Why a stream that began so is not for `identity`; nil when it is.
  package func refusal(by identity: LogIdentity) -> Status? {
    guard cluster == identity.clusterID else {
      return Status(
        .failedPrecondition,
        "this server is of the cluster \(identity.clusterID), the caller of \(cluster)",
        reason: "CLUSTER_MISMATCH",
        metadata: [("expected", "\(identity.clusterID)"), ("found", "\(cluster)")])
    }
    guard log == identity.logInstanceID else {
      return Status(
        .failedPrecondition,
        "this server's log is \(identity.logInstanceID), the caller's \(log)",
        reason: "LOG_MISMATCH",
        metadata: [("expected", "\(identity.logInstanceID)"), ("found", "\(log)")])
    }
    let own = NodeID(identity.storageID)
    guard to == own else {
      return Status(
        .failedPrecondition,
        "this server is \(own), the caller looks for \(to): a data folder that was wiped makes a new server",
        reason: "NODE_MISMATCH", metadata: [("expected", "\(own)"), ("found", "\(to)")])
    }
    guard from != own else {
      return Status(
        .failedPrecondition, "the caller has this server's own id \(own): a copied data folder?",
        reason: "DUPLICATE_NODE", metadata: [("node", "\(own)")])
    }
    return nil
  }
}
