internal import Glibc

/// A file, a pipe or a terminal that records come from.
package struct InputSource: ~Copyable {
  package enum Outcome: Equatable, Sendable {
    case bytes(Int)
    case end
    /// Nothing came within the time given.
    case nothing
    /// The bell rang.
    case rung
  }

  /// For errors.
  package let name: String
  private let descriptor: Int32
  private let isOwned: Bool
  /// A regular file is always ready: no need to ask.
  private let isAlwaysReady: Bool

  /// Standard input.
  package init() {
    self.init(descriptor: STDIN_FILENO, name: "standard input", isOwned: false)
  }

  package init(descriptor: Int32, name: String, isOwned: Bool) {
    self.descriptor = descriptor
    self.name = name
    self.isOwned = isOwned
    var status = stat()
    isAlwaysReady = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Opens a file; "-" is standard input.
  package init(opening path: String) throws(ProgramFailure) {
    if path == "-" {
      self.init()
      return
    }
    // Non-blocking: a named pipe that nobody writes to is waited for where an interrupt ends it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .io("\(path) cannot be opened", errno: errno)
    }
    self.init(descriptor: descriptor, name: path, isOwned: true)
  }

  deinit { if isOwned { close(descriptor) } }

  package var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Reads what is there; waits for input, for the bell, or at most `wait`.
  package func read(
    into target: UnsafeMutableRawBufferPointer, wait: Duration?, bell: Bell
  ) throws(ProgramFailure) -> Outcome {
    while true {
      if isAlwaysReady {
        if bell.hasRung { return .rung }
      } else if let outcome = try ready(wait, bell) {
        return outcome
      }
      let count = Glibc.read(descriptor, target.baseAddress, target.count)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EINTR, EAGAIN: continue
      case let code: throw .io("\(name) cannot be read", errno: code)
      }
    }
  }

  /// nil when there is input.
  private func ready(_ wait: Duration?, _ bell: Bell) throws(ProgramFailure) -> Outcome? {
    var entries = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    // Rounded up: a wait of less than a millisecond must not spin.
    let milliseconds = wait.map { Int32(clamping: ($0.inNanoseconds + 999_999) / 1_000_000) } ?? -1
    let ready = poll(&entries, 2, milliseconds)
    if ready < 0 {
      if errno == EINTR { return .nothing }
      throw .io("\(name) cannot be waited for", errno: errno)
    }
    if entries[1].revents != 0 {
      bell.answer()
      return .rung
    }
    return ready == 0 ? .nothing : nil
  }
}
