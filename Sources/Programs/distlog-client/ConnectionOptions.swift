import ArgumentParser
import ClientProgram
import DistlogClient

enum OutputForm: String, CaseIterable, ExpressibleByArgument {
  case table
  case json
}

enum ColourChoice: String, CaseIterable, ExpressibleByArgument {
  case auto
  case always
  case never
}

/// Which servers, who is asking, how long to wait, how to print: before the verb or after it.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Servers to try in turn. (DISTLOG_SERVERS; default: localhost:8400)",
      valueName: "host:port,..."))
  var servers: [String] = []

  @Option(
    help: ArgumentHelp("The CA of the servers' certificates. (DISTLOG_CA)", valueName: "file"))
  var ca: String?

  @Option(help: ArgumentHelp("This client's certificate. (DISTLOG_CERT)", valueName: "file"))
  var cert: String?

  @Option(
    name: [.customLong("key"), .customLong("tls-key")],
    help: ArgumentHelp(
      "The certificate's private key; --tls-key after `produce`. (DISTLOG_KEY)", valueName: "file"))
  var key: String?

  @Option(
    help: ArgumentHelp(
      "The name to find in the server's certificate, if not its host. (DISTLOG_SERVER_NAME)",
      valueName: "host"))
  var serverName: String?

  @Option(
    help: ArgumentHelp(
      "The longest wait for a connection, an answer or an acknowledgement. (DISTLOG_TIMEOUT;"
        + " default: 10s)", valueName: "duration"))
  var timeout: String?

  @Option(
    name: [.short, .long],
    help: "How results, errors and summaries are printed. (DISTLOG_OUTPUT; default: table)")
  var output: OutputForm?

  @Option(help: "Colour in messages. (DISTLOG_COLOR; default: auto)")
  var color: ColourChoice?

  func outputForm(_ environment: ProgramEnvironment) -> OutputForm {
    output ?? environment["OUTPUT"].flatMap { OutputForm(rawValue: $0) } ?? .table
  }

  func usesColour(_ environment: ProgramEnvironment, on sink: OutputSink) -> Bool {
    switch color ?? environment["COLOR"].flatMap({ ColourChoice(rawValue: $0) }) ?? .auto {
    case .always: true
    case .never: false
    case .auto: sink.isTerminal && !environment.forbidsColour
    }
  }

  func configuration(
    _ environment: ProgramEnvironment
  ) throws(ProgramFailure) -> ClientConfiguration {
    guard let ca = ca ?? environment["CA"] else {
      throw ProgramFailure(
        .configuration, code: "NO_CA", "there is no CA to check the servers' certificates with",
        hint: "give --ca FILE or DISTLOG_CA; servers always speak TLS")
    }
    let tls = ClientConfiguration.TLSFiles(
      ca: ca, certificate: cert ?? environment["CERT"], key: try keyFile(environment))
    var configuration = ClientConfiguration(servers: try addresses(environment), tls: tls)
    configuration.serverName = serverName ?? environment["SERVER_NAME"]
    if let text = timeout ?? environment["TIMEOUT"] {
      guard let duration = DurationText.parse(text), duration > .zero else {
        throw Self.wrong("timeout", text, "a duration with a unit, such as 500ms or 10s")
      }
      configuration.timeout = duration
    }
    return configuration
  }

  private func keyFile(_ environment: ProgramEnvironment) throws(ProgramFailure) -> String? {
    let hasCertificate = (cert ?? environment["CERT"]) != nil
    let key = key ?? environment["KEY"]
    guard hasCertificate == (key != nil) else {
      throw ProgramFailure(
        .configuration, code: "NO_KEY",
        hasCertificate
          ? "there is a certificate, but no key for it" : "there is a key, but no certificate",
        hint: "give both --cert and --key, or DISTLOG_CERT and DISTLOG_KEY")
    }
    return key
  }

  private func addresses(
    _ environment: ProgramEnvironment
  ) throws(ProgramFailure) -> [ServerAddress] {
    let texts = servers.isEmpty ? [environment["SERVERS"] ?? "localhost:8400"] : servers
    var addresses: [ServerAddress] = []
    for text in texts.flatMap({ $0.split(separator: ",") }) {
      do {
        addresses.append(try ServerAddress(String(text)))
      } catch {
        throw ProgramFailure(error)
      }
    }
    return addresses
  }

  private static func wrong(_ name: String, _ text: String, _ forms: String) -> ProgramFailure {
    ProgramFailure(
      .configuration, code: "BAD_SETTING", "\(name) \"\(text)\" cannot be read",
      hint: "it takes \(forms)")
  }
}
