internal import NIOCore
internal import RPC
internal import TLS

/// The servers a client was told of, one channel each; remembers which one answered last.
///
/// The simplest true picker: seeds are tried in turn until one answers.
actor Seeds {
  private let channels: [RPCChannel]
  private var current = 0

  init(_ configuration: ClientConfiguration, on eventLoop: any EventLoop) throws(DistlogError) {
    guard !configuration.servers.isEmpty else {
      throw DistlogError(
        .configuration, code: "INVALID_ARGUMENT", reason: "NO_SERVERS", "no server is named",
        hint: "give one as host:port")
    }
    let tls: TLSContext
    do {
      let files = configuration.tls
      tls = try .client(ca: files.ca, certificate: files.certificate, key: files.key)
    } catch {
      throw DistlogError(
        .configuration, code: "INVALID_ARGUMENT", reason: "BAD_CERTIFICATE_FILE", "\(error)")
    }
    channels = configuration.servers.map { address in
      var channel = RPCChannelConfiguration(
        host: address.host, port: address.port, serverName: configuration.serverName, tls: tls)
      channel.connectTimeout = min(channel.connectTimeout, configuration.timeout)
      channel.streamWindow = 2 << 20
      return RPCChannel(channel, on: eventLoop)
    }
  }

  /// A channel with a connection: the one that answered last, else the next that does.
  ///
  /// Throws what the first seed failed with when all fail, with the others' sentences behind it.
  func connected() async throws(DistlogError) -> RPCChannel {
    var failures: [DistlogError] = []
    for step in channels.indices {
      let index = (current + step) % channels.count
      do {
        try await channels[index].connect()
        current = index
        return channels[index]
      } catch {
        failures.append(DistlogError(error))
      }
    }
    // A certificate that is refused tells more than a port where nobody listens.
    let telling = failures.first { $0.origin != .unreachable } ?? failures[0]
    guard failures.count > 1 else { throw telling }
    var combined = telling
    combined.message = "no server answered: " + failures.map(\.message).joined(separator: "; ")
    throw combined
  }

  func close() async {
    for channel in channels { await channel.close() }
  }
}
