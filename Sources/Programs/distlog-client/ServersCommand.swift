import ArgumentParser
import ClientProgram
import DistlogClient

struct ServersCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "servers", abstract: "List the servers of the cluster.")

  @OptionGroup var connection: ConnectionOptions

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let list = try await context.ask { client throws(DistlogError) in try await client.servers() }
    try context.show(json: Self.json(list).text, table: Self.table(list))
  }

  static func json(_ list: ServerList) -> JSONObject {
    var object = JSONObject()
    object.set("clusterId", list.clusterID)
    object.set("leaderId", list.leaderID)
    object.set(
      "servers",
      list.servers.map { server in
        var entry = JSONObject()
        entry.set("id", server.id)
        entry.set("rpcAddr", server.address)
        entry.set("isLeader", server.isLeader)
        entry.set("role", server.isLearner ? "learner" : "voter")
        entry.set("zone", server.zone)
        entry.set("reachable", server.isReachable)
        return entry
      })
    return object
  }

  static func table(_ list: ServerList) -> String {
    var table = Table([
      ("ID", .left), ("ADDRESS", .left), ("ROLE", .left), ("REACHABLE", .left), ("ZONE", .left),
    ])
    for server in list.servers {
      let role = server.isLeader ? "leader" : server.isLearner ? "learner" : "voter"
      table.add([
        server.id, server.address, role, server.isReachable ? "yes" : "no", server.zone,
      ])
    }
    return table.text
  }
}
