import HTTP2
import NIOCore
import NIOPosix

/// A client over plain text that sends what it is given and never reads.
final class MuteClient: Sendable {
  private let channel: any Channel

  init(port: Int) async throws {
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: false)
      .channelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
      .connect(host: "127.0.0.1", port: port).get()
  }

  /// Asks `path` with an empty message, in windows larger than any answer.
  func ask(_ path: String) async throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 1 << 30
    settings.connectionWindow = 1 << 30
    let session = try HTTP2Session(role: .client, settings: settings)
    let list = HTTP2HeaderList()
    for (name, value) in [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ] { list.append(name, value) }
    let stream = try session.request(list, endStream: false, context: nil)
    session.write(5, on: stream) { target in
      target.copyBytes(from: WireClient.framed(""))
      return 5
    }
    session.end(stream)
    let output = HTTP2Output()
    try session.pump(into: output, upTo: .max)
    try await channel.writeAndFlush(ByteBuffer(bytes: output.bytes)).get()
  }

  func close() async throws { try await channel.close().get() }
}
