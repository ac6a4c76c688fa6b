import NIOCore
import RPC
import RaftAPI
import TLS

/// A question to another server, on a connection of its own.
struct PeerQuestion: Sendable {
  let tls: TLSContext?
  let eventLoop: any EventLoop

  func ask(
    _ method: RaftMethod, _ question: [UInt8], at address: PeerAddress,
    timeout: Duration = .seconds(1)
  ) async throws(RPCError) -> [UInt8] {
    var configuration = address.channel(tls)
    // An entry and what is around it.
    configuration.maxMessageBytes = 17 << 20
    let channel = RPCChannel(configuration, on: eventLoop)
    let result: Result<[UInt8], RPCError>
    do throws(RPCError) {
      result = .success(try await channel.unary(method.path, question, timeout: timeout))
    } catch {
      result = .failure(error)
    }
    await channel.close()
    return try result.get()
  }
}
