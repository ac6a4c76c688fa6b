import Logging
import Synchronization

/// Keeps what a server logs at info and above.
final class LogLines: Sendable {
  private struct State {
    var lines: [String] = []
    var waiting: [(@Sendable ([String]) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  var all: [String] { state.withLock { $0.lines } }

  var logger: Logger {
    Logger(label: "test") { _ in Handler(lines: self) }
  }

  /// Waits until `isEnough` is true of all lines.
  func wait(until isEnough: @escaping @Sendable ([String]) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if isEnough(state.lines) { return true }
        state.waiting.append((isEnough, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  private func note(_ line: String) {
    let woken = state.withLock { state in
      state.lines.append(line)
      let lines = state.lines
      let woken = state.waiting.filter { $0.0(lines) }
      state.waiting.removeAll { $0.0(lines) }
      return woken
    }
    for (_, continuation) in woken { continuation.resume() }
  }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(lines: LogLines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.note("\(event.message)") }
  }
}
