import ArgumentParser
import ClientProgram
import DistlogClient

struct ClusterVerifyCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare checksums of what all servers hold.",
    discussion: """
      Each reads its own disk. Exits 0 when all are the same, 10 when they differ, one has damage or does not answer, or
      they have no record in common to compare.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Option(help: ArgumentHelp("The log's name.", valueName: "log"))
  var log: String?

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let view = try await context.ask { client throws(DistlogError) in
      try await ClusterView(client)
    }
    let replicas = view.status.replicas
    let common = CommonOffsets(replicas.map(\.offsets))
    guard !common.isNothing else {
      let own = replicas.map { "\($0.id) \($0.offsets.lowerBound) ..< \($0.offsets.upperBound)" }
      throw ProgramFailure(
        .unhealthy, code: "NOTHING_IN_COMMON",
        "the servers have no record in common to compare: \(own.joined(separator: ", "))",
        hint: "one that catches up, or was just started, has more soon: see `cluster status`")
    }
    let (start, end) = (common.offsets.lowerBound, common.offsets.upperBound)
    var parts: [String: [LogChecksum]] = [:]
    for replica in replicas {
      guard let server = view.servers.servers.first(where: { $0.id == replica.id }) else {
        continue
      }
      parts[replica.id] = try await checksums(of: server, common.offsets, context)
    }
    let missing = view.servers.servers.map(\.id).filter { parts[$0] == nil }
    // Servers cut what they are asked for in parts by the same bytes, so the same logs have the same parts.
    let isSame =
      Set(parts.values.map { $0.map { [$0.offsets.lowerBound, UInt64($0.crc32c)] } }).count <= 1
    try context.show(
      json: json(isSame, start, end, parts, missing).text,
      table: table(isSame, start, end, parts, missing))
    guard isSame, missing.isEmpty else {
      let what =
        isSame
        ? "\(missing.joined(separator: ", ")) could not be asked"
        : "the servers hold different records"
      throw ProgramFailure(.unhealthy, code: isSame ? "UNREACHABLE" : "DIVERGED", what)
    }
  }

  @MainActor
  private func checksums(
    of server: ServerList.Server, _ offsets: Range<UInt64>, _ context: VerbContext
  ) async throws(ProgramFailure) -> [LogChecksum] {
    let client = try context.client(at: server.address)
    var parts: [LogChecksum] = []
    var next = offsets.lowerBound
    do {
      while next < offsets.upperBound {
        let part = try await client.checksum(
          of: context.log(log), next..<offsets.upperBound)
        parts.append(part)
        next = part.offsets.upperBound
      }
    } catch {
      var failure = ProgramFailure(error)
      if error.reason == "RECORD_CORRUPT" {
        failure.exitCode = .unhealthy
        failure.hint =
          "damage is mended with what other servers have: run this again in a moment; the server's log says what became of it"
      }
      failure.message = "\(server.id): \(failure.message)"
      throw failure
    }
    return parts
  }

  /// One number for all parts, to be looked at.
  private func digest(_ parts: [LogChecksum]) -> String {
    let mixed = parts.reduce(UInt32(0)) { ($0 << 1 | $0 >> 31) ^ $1.crc32c }
    let digits = String(mixed, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private func table(
    _ isSame: Bool, _ start: UInt64, _ end: UInt64, _ parts: [String: [LogChecksum]],
    _ missing: [String]
  ) -> String {
    var table = Table([("ID", .left), ("OFFSETS", .left), ("CRC32C", .left)])
    for (id, checksums) in parts.sorted(by: { $0.key < $1.key }) {
      table.add([id, "\(start) ..< \(end)", digest(checksums)])
    }
    for id in missing { table.add([id, "-", "could not be asked"]) }
    return table.text + (isSame ? "the same on \(parts.count) servers\n" : "not the same\n")
  }

  private func json(
    _ isSame: Bool, _ start: UInt64, _ end: UInt64, _ parts: [String: [LogChecksum]],
    _ missing: [String]
  ) -> JSONObject {
    var object = JSONObject()
    object.set("same", isSame)
    object.set("startOffset", start)
    object.set("endOffset", end)
    object.set(
      "servers",
      parts.sorted { $0.key < $1.key }.map { id, checksums in
        var entry = JSONObject()
        entry.set("id", id)
        entry.set("crc32c", digest(checksums))
        return entry
      })
    object.set("missing", missing)
    return object
  }
}
