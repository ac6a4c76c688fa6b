internal import Glibc
internal import Synchronization

// The pipe that the signal handler writes to. Set once, before the handler is.
nonisolated(unsafe) private var signalReadEnd: Int32 = -1
nonisolated(unsafe) private var signalWriteEnd: Int32 = -1

/// Ctrl-C and SIGTERM: the first ends a stream cleanly, the second ends the program at once.
package final class Interrupt: Sendable {
  package static let shared = Interrupt()

  private struct State {
    var isRaised = false
    /// nil: nothing that must end cleanly is under way.
    var handler: (@Sendable () -> Void)?
    var write: Write?
  }

  /// A write that is under way, which a reader that takes nothing can hold up for ever.
  private struct Write {
    let thread: pthread_t
    var lastProgress: ContinuousClock.Instant
    var isOver = false
  }

  /// How long a write may stand still after an interrupt.
  private static let patience: Duration = .seconds(1)
  private static let checkMilliseconds: Int32 = 100
  /// Sent to the thread of a write that is over, so that it returns; by default it has no effect.
  private static let wakeUp = SIGURG

  private let state = Mutex(State())

  private init() {}

  package var isRaised: Bool { state.withLock { $0.isRaised } }

  /// Takes the signals over. A handler may do next to nothing, so it wakes a thread through a pipe.
  package func install() throws(ProgramFailure) {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw .io("no pipe can be made", errno: errno) }
    (signalReadEnd, signalWriteEnd) = (ends[0], ends[1])
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { _ in
        Interrupt.shared.watch()
        return nil
      }, nil)
    guard code == 0 else { throw .io("no thread can be started", errno: code) }
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        let code = errno
        var byte: UInt8 = 1
        _ = write(signalWriteEnd, &byte, 1)
        errno = code
      }
    }
    var action = sigaction()  // without SA_RESTART
    action.__sigaction_handler.sa_handler = { _ in }
    guard sigaction(Self.wakeUp, &action, nil) == 0 else {
      throw .io("no signal can be taken over", errno: errno)
    }
  }

  /// Runs on a thread of its own, for ever.
  private func watch() {
    while true {
      var entry = pollfd(fd: signalReadEnd, events: Int16(POLLIN), revents: 0)
      var byte: UInt8 = 0
      if poll(&entry, 1, isRaised ? Self.checkMilliseconds : -1) > 0 {
        if read(signalReadEnd, &byte, 1) == 1 { raise() }
      }
      endStandingWrite()
    }
  }

  /// From now on an interrupt calls `body` and the program ends itself; it is called at once when
  /// the interrupt has come already.
  package func handle(_ body: @escaping @Sendable () -> Void) {
    let isRaised = state.withLock { state in
      state.handler = body
      return state.isRaised
    }
    if isRaised { body() }
  }

  // MARK: - Writes

  /// Tells that this thread begins a write that may block.
  func writeBegins() {
    // Threads of the dispatch library block most signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, Self.wakeUp)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    state.withLock { $0.write = Write(thread: pthread_self(), lastProgress: .now) }
  }

  func writeProgressed() { state.withLock { $0.write?.lastProgress = .now } }

  func writeEnds() { state.withLock { $0.write = nil } }

  /// Whether the write must be given up: it stood still after an interrupt.
  var isWriteOver: Bool { state.withLock { $0.write?.isOver ?? false } }

  /// Done again and again: the signal may come just before the thread blocks.
  private func endStandingWrite() {
    state.withLock { state in
      guard state.isRaised, let write = state.write, .now - write.lastProgress >= Self.patience
      else { return }
      state.write?.isOver = true
      pthread_kill(write.thread, Self.wakeUp)
    }
  }

  private func raise() {
    let (isFirst, handler) = state.withLock { state in
      defer { state.isRaised = true }
      state.write?.lastProgress = .now  // a slow reader gets its time from now on
      return (!state.isRaised, state.handler)
    }
    guard isFirst, let handler else { _exit(ExitCode.interrupted.rawValue) }
    handler()
  }
}
