import Foundation

/// The servers of `distlogd dev`, from their start to their end.
final class DevCluster {
  private let folder: DevFolder
  private let servers: [DevServer]
  private let addresses: [String]
  private let program: String
  private let events: AsyncStream<DevServer.Event>
  private let tell: AsyncStream<DevServer.Event>.Continuation
  /// What the program ends with.
  private var status: Int32 = 0
  private var isReady = false
  private var isStopping = false

  private static let restartSeconds = 5.0

  init(_ folder: DevFolder, port: Int) {
    self.folder = folder
    let addresses = folder.nodes.indices.map { "127.0.0.1:\(port + $0)" }
    self.addresses = addresses
    servers = zip(folder.nodes, addresses).map { node, address in
      let meeting =
        addresses.count == 1
        ? [] : ["--expect", "\(addresses.count)", "--join", addresses.joined(separator: ",")]
      return DevServer(
        node, log: folder.file("\(node).log"),
        arguments: [
          "serve", "--stop-with-stdin", "--id", node, "--data", folder.file(node), "--listen",
          address, "--tls-cert", folder.certificate(node), "--tls-key", folder.key(node),
          "--tls-ca", folder.certificate("ca"), "--tls-peer-names", "node*", "--acl-policy",
          folder.file("policy.csv"), "--log-format", "text",
        ] + meeting)
    }
    let itself = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    program = itself ?? CommandLine.arguments[0]
    (events, tell) = AsyncStream.makeStream()
  }

  /// Until all servers have ended; gives the program's exit status.
  func run(_ signals: Signals) async -> Int32 {
    let tell = tell
    let listening = Task {
      while !Task.isCancelled {
        await signals.next()
        tell.yield(.told)
      }
    }
    defer { listening.cancel() }
    for server in servers { start(server) }
    if servers.contains(where: \.isRunning) {
      for await event in events {
        take(event)
        if isStopping, !servers.contains(where: \.isRunning) { break }
      }
    }
    return status
  }

  private func take(_ event: DevServer.Event) {
    switch event {
    case .ready(let name):
      servers.first { $0.name == name }?.isReady = true
      say("\(name) serves")
      if !isReady, servers.allSatisfy(\.isReady) {
        isReady = true
        Exit.write(welcome())
      }
    case .ended(let name, let status, let bySignal):
      guard let server = servers.first(where: { $0.name == name }) else { return }
      let wasReady = server.isReady
      server.hasEnded()
      server.isReady = false
      if !isStopping { ended(server, status, bySignal, wasReady) }
    case .due(let name):
      guard !isStopping, let server = servers.first(where: { $0.name == name }) else { return }
      start(server)
      if server.isRunning { say("\(name) is started again as process \(server.id)") }
    case .told where isStopping:
      say("stopped at once by a second signal")
      for server in servers { server.kill() }
      status = 130
    case .told:
      say("the servers finish what they have accepted, and stop")
      stop()
    }
  }

  private func ended(
    _ server: DevServer, _ status: Int32, _ bySignal: Bool, _ wasReady: Bool
  ) {
    let how = bySignal ? "by signal \(status)" : "with status \(status)"
    guard wasReady else {
      say("\(server.name) does not start; it has ended \(how). The end of \(server.log):")
      say(server.lastWords)
      // What keeps one that served before from starting may pass, and the others may be of use.
      guard !isReady else { return startLater(server) }
      self.status = bySignal || status == 0 ? 70 : status
      return stop()
    }
    say("\(server.name) has ended \(how); it is started again after 5 s")
    startLater(server)
  }

  private func startLater(_ server: DevServer) {
    let due = DevServer.Event.due(server.name)
    DispatchQueue.global().asyncAfter(deadline: .now() + Self.restartSeconds) { [tell] in
      tell.yield(due)
    }
  }

  private func start(_ server: DevServer) {
    do {
      try server.start(program, tell)
    } catch {
      say("\(server.name) cannot be started: \(error)")
      guard !isReady else { return startLater(server) }
      status = 70
      stop()
    }
  }

  private func stop() {
    isStopping = true
    for server in servers { server.stop() }
  }

  private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// What to paste, and what to try.
  private func welcome() -> String {
    let client = URL(fileURLWithPath: program).deletingLastPathComponent().path
    var context = """
      export DISTLOG_SERVERS=\(addresses.joined(separator: ","))
      export DISTLOG_CA=\(quoted(folder.certificate("ca")))
      export DISTLOG_CERT=\(quoted(folder.certificate("root")))
      export DISTLOG_KEY=\(quoted(folder.key("root")))

      """
    if FileManager.default.isExecutableFile(atPath: "\(client)/distlog-client") {
      context += "export PATH=\(quoted(client)):$PATH\n"
    }
    let file = folder.file("context.sh")
    do {
      try folder.replace(file, with: context, mode: 0o600)
    } catch {
      say("\(error); paste the lines themselves:\n\(context)")
    }
    let processes = zip(servers, addresses).map { server, address in
      "  \(server.name)  \(address)  process \(server.id)  log \(server.log)"
    }
    return """
      \(processes.joined(separator: "\n"))

      Paste this into another terminal, and try what follows. Ctrl-C stops the servers; their data stays.

        source \(quoted(file))

        distlog-client cluster status
        seq 1 100000 | distlog-client produce
        distlog-client tail
        kill -9 \(servers[0].id)      # it may lead; it is started again after 5 s
        distlog-client cluster verify

      ready nodes=\(folder.nodes.joined(separator: ",")) rpc=\(addresses.joined(separator: ","))

      """
  }

  /// As one word of a shell.
  private func quoted(_ text: String) -> String {
    let safe = text.utf8.allSatisfy { byte in
      byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
        || (0x41...0x5a).contains(byte & 0xdf)
    }
    return safe
      ? text
      : "'"
        + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
  }
}
