import ClientProgram
import DistlogClient

/// The cluster as the server that answers sees it.
struct ClusterView {
  let status: ClusterStatus
  let servers: ServerList

  init(_ client: DistlogClient) async throws(DistlogError) {
    status = try await client.clusterStatus()
    servers = try await client.servers()
  }

  private func role(_ server: ServerList.Server) -> String {
    server.id == status.leaderID ? "leader" : server.isLearner ? "learner" : "voter"
  }

  /// What an operator should look at; empty: nothing.
  func problems(lag: UInt64) -> [String] {
    var problems: [String] = []
    if status.leaderID.isEmpty { problems.append("no leader is known to \(status.serverID)") }
    for server in servers.servers {
      guard let replica = status.replicas.first(where: { $0.id == server.id }) else {
        problems.append("\(server.id) at \(server.address) does not answer")
        continue
      }
      if replica.lagRecords > lag {
        problems.append("\(server.id) is \(DecimalText.grouped(replica.lagRecords)) records behind")
      }
    }
    // Little room is none yet.
    for alarm in status.alarms where alarm.kind != "DISK_LOW" {
      problems.append("\(alarm.server): \(alarm.kind): \(alarm.message)")
    }
    if status.state == "none" { problems.append("\(status.serverID) is no member") }
    return problems
  }

  var table: String {
    var table = Table([
      ("ID", .left), ("ADDRESS", .left), ("ROLE", .left), ("START", .right), ("END", .right),
      ("LAG", .right), ("LAG MS", .right), ("DISK FREE", .right), ("STATE", .left),
    ])
    for server in servers.servers {
      let replica = status.replicas.first { $0.id == server.id }
      let progress = status.progress.first { $0.id == server.id }
      let state =
        replica == nil ? "does not answer" : progress.map { "\($0.state)" } ?? "up"
      table.add([
        server.id, server.address, role(server),
        replica.map { String($0.offsets.lowerBound) } ?? "-",
        replica.map { String($0.offsets.upperBound) } ?? "-",
        replica.map { DecimalText.grouped($0.lagRecords) } ?? "-",
        replica.map { DecimalText.grouped($0.lagMilliseconds) } ?? "-",
        replica.map { ByteCountText.format($0.diskFreeBytes) } ?? "-", state,
      ])
    }
    let leader = status.leaderID.isEmpty ? "none" : status.leaderID
    return """
      cluster \(status.clusterID), term \(status.term), leader \(leader)
      seen by \(status.serverID) (\(status.state), version \(status.version)): \
      last index \(status.lastIndex), committed \(status.commitIndex), applied \(status.appliedIndex)

      """ + table.text
        + status.alarms.map { "\($0.server): \($0.kind): \($0.message)\n" }.joined()
  }

  var json: JSONObject {
    var object = JSONObject()
    object.set("serverId", status.serverID)
    object.set("clusterId", status.clusterID)
    object.set("version", status.version)
    object.set("state", status.state)
    object.set("leaderId", status.leaderID)
    object.set("term", status.term)
    object.set("lastIndex", status.lastIndex)
    object.set("commitIndex", status.commitIndex)
    object.set("appliedIndex", status.appliedIndex)
    object.set("diskFreeBytes", status.diskFreeBytes)
    object.set("diskUsedBytes", status.diskUsedBytes)
    var limits = JSONObject()
    for (key, value) in status.limits.sorted(by: { $0.key < $1.key }) { limits.set(key, value) }
    object.set("limits", limits)
    object.set("startedUnixNano", status.started)
    object.set("servers", servers.servers.map { json(of: $0) })
    object.set(
      "alarms",
      status.alarms.map { alarm in
        var entry = JSONObject()
        entry.set("serverId", alarm.server)
        entry.set("kind", alarm.kind)
        entry.set("message", alarm.message)
        entry.set("sinceUnixNano", alarm.since)
        return entry
      })
    return object
  }

  private func json(of server: ServerList.Server) -> JSONObject {
    var entry = JSONObject()
    entry.set("id", server.id)
    entry.set("rpcAddr", server.address)
    entry.set("role", role(server))
    let replica = status.replicas.first { $0.id == server.id }
    entry.set("answers", replica != nil)
    if let replica {
      entry.set("startOffset", replica.offsets.lowerBound)
      entry.set("endOffset", replica.offsets.upperBound)
      entry.set("lagRecords", replica.lagRecords)
      entry.set("lagMs", replica.lagMilliseconds)
      entry.set("diskFreeBytes", replica.diskFreeBytes)
      entry.set("diskUsedBytes", replica.diskUsedBytes)
    }
    if let progress = status.progress.first(where: { $0.id == server.id }) {
      entry.set("matchIndex", progress.matchIndex)
      entry.set("lastContactMs", progress.silentMilliseconds)
      entry.set("replication", progress.state)
    }
    return entry
  }
}
