import NIOPosix

/// An event loop for what only needs to be given one.
enum EmbeddedLoop {
  static let shared = MultiThreadedEventLoopGroup.singleton.next()
}
