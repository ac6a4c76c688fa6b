internal import LogAPI
internal import NIOCore
internal import Protobuf
internal import RPC
internal import TLS

/// The servers a client knows of, one channel each: those it was told of, and those that they told of. Remembers which one
/// answered last, and which one leads.
actor Seeds {
  private let configuration: ClientConfiguration
  private let tls: TLSContext
  private let eventLoop: any EventLoop
  private var addresses: [ServerAddress]
  private var channels: [ServerAddress: RPCChannel] = [:]
  private var current = 0
  private var leader: ServerAddress?

  init(_ configuration: ClientConfiguration, on eventLoop: any EventLoop) throws(DistlogError) {
    guard !configuration.servers.isEmpty else {
      throw DistlogError(
        .configuration, code: "INVALID_ARGUMENT", reason: "NO_SERVERS", "no server is named",
        hint: "give one as host:port")
    }
    do {
      let files = configuration.tls
      tls = try .client(ca: files.ca, certificate: files.certificate, key: files.key)
    } catch {
      throw DistlogError(
        .configuration, code: "INVALID_ARGUMENT", reason: "BAD_CERTIFICATE_FILE", "\(error)")
    }
    self.configuration = configuration
    self.eventLoop = eventLoop
    addresses = configuration.servers
  }

  private func channel(to address: ServerAddress) -> RPCChannel {
    if let channel = channels[address] { return channel }
    var settings = RPCChannelConfiguration(
      host: address.host, port: address.port, serverName: configuration.serverName, tls: tls)
    settings.connectTimeout = min(settings.connectTimeout, configuration.timeout)
    settings.streamWindow = 2 << 20
    let channel = RPCChannel(settings, on: eventLoop)
    channels[address] = channel
    return channel
  }

  // MARK: Any server

  /// A channel with a connection: the one that answered last, else the next that does.
  ///
  /// Throws what the first seed failed with when all fail, with the others' sentences behind it.
  func connected() async throws(DistlogError) -> RPCChannel {
    var failures: [DistlogError] = []
    let all = addresses
    for step in all.indices {
      let index = (current + step) % all.count
      let channel = channel(to: all[index])
      do {
        try await channel.connect()
        current = index
        return channel
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

  // MARK: The leader

  /// A channel to the server that leads. Where none is known yet: to one that answers, which will say so.
  ///
  /// Asks one server, and the next when that one fails, knows no leader, or is silent: one that hangs holds up nobody
  /// (as RFC 8305 does with addresses).
  func connectedToLeader() async throws(DistlogError) -> RPCChannel {
    if let leader {
      let channel = channel(to: leader)
      if (try? await channel.connect()) != nil { return channel }
      self.leader = nil
    }
    let all = addresses.indices.map { addresses[(current + $0) % addresses.count] }
    let found = await withTaskGroup(of: Answer.self) { group in
      var (next, asked) = (0, 0)
      func askNext() {
        guard next < all.count else { return }
        let address = all[next]
        next += 1
        asked += 1
        group.addTask { await self.ask(address) }
        group.addTask { (try? await Task.sleep(for: Self.patience)).map { .silence } ?? .none }
      }
      askNext()
      var best = Answer.none
      for await answer in group {
        switch answer {
        case .leader:
          group.cancelAll()
          return answer
        case .silence: askNext()
        case .knowsNone, .failed, .stranger:
          best = best.orBetter(answer)
          asked -= 1
          askNext()
          if asked == 0 { group.cancelAll() }
        case .none: continue
        }
      }
      return best
    }
    switch found {
    case .leader(let address, let channel):
      leader = address ?? leader
      return channel
    case .knowsNone(let channel): return channel
    case .failed(let error): throw error
    case .silence, .stranger, .none: throw .closed
    }
  }

  /// How long one server may be silent before the next is asked as well.
  private static let patience = Duration.milliseconds(200)

  /// What asking a server for the leader came to.
  private enum Answer: Sendable {
    /// Nothing that counts.
    case none
    case silence
    /// It is no member, and knows nobody.
    case stranger
    case failed(DistlogError)
    case knowsNone(RPCChannel)
    /// The leader answers; its address, where that need not be looked for again.
    case leader(ServerAddress?, RPCChannel)

    func orBetter(_ other: Answer) -> Answer {
      switch (self, other) {
      case (.knowsNone, _), (_, .stranger): self
      case (.failed(let old), .failed) where old.origin != .unreachable: self
      default: other
      }
    }
  }

  private func ask(_ address: ServerAddress) async -> Answer {
    let channel = channel(to: address)
    do {
      let list = try await list(of: channel)
      guard !list.servers.isEmpty else { return .stranger }
      // What a server alone advertises need not be how it is reached from here. One that was removed knows of others only.
      if list.servers.count == 1, list.servers[0].isLeader { return .leader(nil, channel) }
      guard let told = list.servers.first(where: \.isLeader),
        let found = try? ServerAddress(told.rpcAddr)
      else { return .knowsNone(channel) }
      if found == address { return .leader(address, channel) }
      // One that has just died is not the leader any more, whoever has not noticed.
      let toLeader = self.channel(to: found)
      guard (try? await self.list(of: toLeader)) != nil else { return .knowsNone(channel) }
      return .leader(found, toLeader)
    } catch {
      return .failed(error)
    }
  }

  /// Takes note of how a call failed, and of what a server that does not lead said of the one that does.
  func heard(_ failure: DistlogError, from channel: RPCChannel) {
    // Another may have been found meanwhile.
    if leader == Self.address(of: channel) { leader = nil }
    guard failure.reason == "NOT_LEADER", let text = failure.metadata["leader_addr"],
      let address = try? ServerAddress(text)
    else { return }
    learn([address])
    leader = address
  }

  /// Whether another server than the one behind `channel` leads by now, as a third sees it.
  func leadsElsewhere(than channel: RPCChannel) async -> Bool {
    let own = Self.address(of: channel)
    for address in addresses where address != own {
      guard
        let list = try? await list(of: self.channel(to: address), timeout: .milliseconds(300)),
        let told = list.servers.first(where: \.isLeader),
        let found = try? ServerAddress(told.rpcAddr), found != own
      else { continue }
      leader = found
      return true
    }
    return false
  }

  private static func address(of channel: RPCChannel) -> ServerAddress {
    ServerAddress(host: channel.configuration.host, port: channel.configuration.port)
  }

  private func list(
    of channel: RPCChannel, timeout: Duration? = nil
  ) async throws(DistlogError) -> GetServersResponse {
    let answer: [UInt8]
    do {
      answer = try await channel.unary(
        LogMethod.getServers.path, GetServersRequest().serialized(),
        timeout: timeout ?? min(configuration.timeout, .seconds(2)))
    } catch {
      throw DistlogError(error)
    }
    do {
      let list = try GetServersResponse(serialized: answer)
      learn(list.servers.compactMap { try? ServerAddress($0.rpcAddr) })
      return list
    } catch {
      throw .malformedAnswer(GetServersResponse.descriptorName, error)
    }
  }

  private func learn(_ found: [ServerAddress]) {
    for address in found where !addresses.contains(address) { addresses.append(address) }
  }

  func close() async {
    for channel in channels.values { await channel.close() }
  }
}
