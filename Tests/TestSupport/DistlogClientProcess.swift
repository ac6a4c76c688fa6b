/// Runs the real `distlog-client` against a server.
package struct DistlogClientProcess: Sendable {
  private let connection: [String]

  /// - Parameter identity: whose certificate it shows.
  package init(_ server: ServerProcess, as identity: String = "root") {
    let folder = server.certificates
    connection = [
      "--servers", server.address, "--ca", "\(folder)/ca.pem", "--cert",
      "\(folder)/\(identity).pem", "--key", "\(folder)/\(identity)-key.pem",
    ]
  }

  package func run(
    _ arguments: [String], input: String = "", timeoutSeconds: Double = 60
  ) async throws -> Subprocess {
    let options = connection
    return try await blocking {
      try Subprocess.run(
        // Options first: after `produce`, --key is the record's.
        [try Programs.path("distlog-client")] + options + arguments, input: input,
        timeoutSeconds: timeoutSeconds)
    }
  }
}
