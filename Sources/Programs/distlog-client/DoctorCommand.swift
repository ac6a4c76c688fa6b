import ArgumentParser
import ClientProgram
import DistlogClient
import Glibc
import TLS

/// Goes the way of a call step by step, and names the first thing that is in its way.
struct DoctorCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Find out why a server cannot be used.",
    discussion: """
      Looks at this side's files, the name, the port, what speaks there, TLS and certificates, access \
      rules, and the addresses that the server gives to clients. Writes nothing to the log. Exits with the code of the \
      first step that fails: 69, 76, 77 or 78.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The server, in place of --servers.", valueName: "host:port"))
  var address: String?

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    var options = connection
    if let address { options.servers = [address] }
    var report = DoctorReport()
    await examine(options, context.environment, &report)
    try context.show(json: report.json.text, table: report.table)
    if let failure = report.failure { throw failure }
  }

  @MainActor
  private func examine(
    _ options: ConnectionOptions, _ environment: ProgramEnvironment, _ report: inout DoctorReport
  ) async {
    let configuration: ClientConfiguration
    do throws(ProgramFailure) {
      configuration = try options.configuration(environment)
    } catch {
      return report.fail("settings", error)
    }
    report.ok("settings", "CA \(configuration.tls.ca)")
    guard checkFiles(configuration, &report) else { return }
    for server in configuration.servers where !reach(server, configuration, &report) { return }
    await talk(configuration, &report)
  }

  /// This side's certificate, before a server refuses it with a word.
  private func checkFiles(
    _ configuration: ClientConfiguration, _ report: inout DoctorReport
  ) -> Bool {
    do throws(TLSError) {
      _ = try TLSContext.client(
        ca: configuration.tls.ca, certificate: configuration.tls.certificate,
        key: configuration.tls.key)
      guard let path = configuration.tls.certificate else {
        report.warn(
          "client certificate", "none is given: a server that wants one refuses (--cert, --key)")
        return true
      }
      let identity = try CertificateFile(path).details.identity
      let now = Int64(time(nil))
      if identity.notAfter < now {
        report.fail(
          "client certificate",
          ProgramFailure(
            .configuration, code: "CERTIFICATE_EXPIRED",
            "\(path) has expired on \(identity.notAfter.asTime)", hint: "have a new one signed"))
        return false
      }
      if identity.notBefore > now {
        report.fail(
          "client certificate",
          ProgramFailure(
            .configuration, code: "CERTIFICATE_NOT_YET_VALID",
            "\(path) is not valid before \(identity.notBefore.asTime)",
            hint: "are the clocks right?"))
        return false
      }
      report.ok(
        "client certificate",
        "\(identity.commonName ?? identity.subject), until \(identity.notAfter.asTime)")
      return true
    } catch {
      report.fail(
        "client certificate",
        ProgramFailure(.configuration, code: "BAD_CERTIFICATE_FILE", "\(error)"))
      return false
    }
  }

  private func reach(
    _ server: ServerAddress, _ configuration: ClientConfiguration, _ report: inout DoctorReport
  ) -> Bool {
    switch NetworkProbe.addresses(of: server.host) {
    case .failure(let why):
      report.fail(
        "name",
        ProgramFailure(
          .noServer, code: "DNS", "the name \(server.host) cannot be resolved: \(why)",
          hint: "is it spelled right, and does this machine's resolver know it?"))
      return false
    case .success(let addresses):
      report.ok("name", "\(server.host) is \(addresses.joined(separator: ", "))")
      switch NetworkProbe.connect(
        to: addresses, port: server.port, timeout: min(configuration.timeout, .seconds(5)))
      {
      case .failure(let why):
        report.fail(
          "port",
          ProgramFailure(
            .noServer, code: "TCP", "\(server) cannot be reached: \(why)",
            hint:
              "is distlogd running there, listening on an address that is reachable, and no firewall between?"
          ))
        return false
      case .success(let address):
        report.ok("port", "\(address) takes connections on \(server.port)")
        return true
      }
    }
  }

  @MainActor
  private func talk(_ configuration: ClientConfiguration, _ report: inout DoctorReport) async {
    let client: DistlogClient
    let list: ServerList
    do throws(DistlogError) {
      client = try DistlogClient(configuration)
      list = try await client.servers()
    } catch {
      return report.fail("TLS, HTTP/2 and gRPC", Self.explained(error, configuration))
    }
    report.ok("TLS, HTTP/2 and gRPC", "cluster \(list.clusterID), \(list.servers.count) server(s)")
    await checkRules(client, &report)
    checkAdvertised(list, configuration, &report)
    report.skip("clock", "servers do not tell their time")
    await client.close()
  }

  private static func explained(
    _ error: DistlogError, _ configuration: ClientConfiguration
  ) -> ProgramFailure {
    var failure = ProgramFailure(error)
    let files = [configuration.tls.ca, configuration.tls.certificate].compactMap { $0 }
    let looked = "looked at with \(files.joined(separator: " and "))"
    failure.hint = failure.hint.map { "\($0); \(looked)" } ?? looked
    return failure
  }

  /// What the rules allow, asked for in ways that change nothing: an empty batch is refused, but only after the rules.
  private func checkRules(_ client: DistlogClient, _ report: inout DoctorReport) async {
    var allowed: [String] = []
    var refused: DistlogError?
    let questions: [(String, () async throws(DistlogError) -> Void)] = [
      ("produce", { () async throws(DistlogError) in _ = try await client.produce([]) }),
      ("consume", { () async throws(DistlogError) in _ = try await client.findOffset(at: 0) }),
      ("describe", { () async throws(DistlogError) in _ = try await client.describeLog() }),
    ]
    for (action, ask) in questions {
      do throws(DistlogError) {
        try await ask()
        allowed.append(action)
      } catch {
        if error.code == "PERMISSION_DENIED" { refused = error } else { allowed.append(action) }
      }
    }
    guard allowed.isEmpty, let refused else {
      return report.ok("access rules", "allowed: \(allowed.joined(separator: ", "))")
    }
    report.fail("access rules", ProgramFailure(refused))
  }

  private func checkAdvertised(
    _ list: ServerList, _ configuration: ClientConfiguration, _ report: inout DoctorReport
  ) {
    for server in list.servers {
      guard let address = try? ServerAddress(server.address) else {
        report.fail(
          "advertised address",
          ProgramFailure(
            .noServer, code: "ADVERTISED",
            "\(server.id) gives \"\(server.address)\", which is no address"))
        continue
      }
      let found = NetworkProbe.addresses(of: address.host).flatMap {
        NetworkProbe.connect(
          to: $0, port: address.port, timeout: min(configuration.timeout, .seconds(5)))
      }
      switch found {
      case .success: report.ok("advertised address", "\(server.id) is reachable at \(address)")
      case .failure(let why):
        report.fail(
          "advertised address",
          ProgramFailure(
            .noServer, code: "ADVERTISED",
            "\(server.id) tells clients to use \(address), which cannot be reached from here: \(why)",
            hint: "set advertise.rpc of that server to an address that clients reach"))
      }
    }
  }
}

/// What was looked at, and how it was.
struct DoctorReport {
  private struct Step {
    var name: String
    var state: String
    var detail: String
    var hint: String?
  }

  private var steps: [Step] = []
  /// The first that was found.
  private(set) var failure: ProgramFailure?

  mutating func ok(_ name: String, _ detail: String) { add(name, "ok", detail) }
  mutating func warn(_ name: String, _ detail: String) { add(name, "warn", detail) }
  mutating func skip(_ name: String, _ detail: String) { add(name, "-", detail) }

  mutating func fail(_ name: String, _ why: ProgramFailure) {
    steps.append(Step(name: name, state: "FAIL", detail: why.message, hint: why.hint))
    if failure == nil { failure = why }
  }

  private mutating func add(_ name: String, _ state: String, _ detail: String) {
    steps.append(Step(name: name, state: state, detail: detail))
  }

  var table: String {
    var table = Table([("STEP", .left), ("", .left), ("", .left)])
    for step in steps { table.add([step.name, step.state, step.detail]) }
    return table.text
  }

  var json: JSONObject {
    var object = JSONObject()
    object.set("healthy", failure == nil)
    object.set(
      "steps",
      steps.map { step in
        var one = JSONObject()
        one.set("step", step.name)
        one.set("state", step.state)
        one.set("detail", step.detail)
        if let hint = step.hint { one.set("hint", hint) }
        return one
      })
    return object
  }
}
