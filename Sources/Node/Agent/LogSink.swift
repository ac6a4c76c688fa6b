internal import Foundation
internal import Synchronization

/// Where log lines go: a thread of its own writes them, so that nobody who logs waits for whoever
/// reads the log, and a full disk or a closed pipe behind it stops nothing.
///
/// At most `mostBytes` wait; lines beyond that are dropped, and their number is told when there is
/// room again.
package final class LogSink: Sendable {
  package static let standardError = LogSink(descriptor: STDERR_FILENO)

  private static let mostBytes = 1 << 20

  private struct Queue {
    var lines: [String] = []
    var bytes = 0
    var dropped = 0
    var isWriting = false
  }

  private let descriptor: Int32
  private let queue = Mutex(Queue())
  private let available = DispatchSemaphore(value: 0)
  private let idle = DispatchSemaphore(value: 0)

  package init(descriptor: Int32) {
    self.descriptor = descriptor
    let thread = Thread { [self] in work() }
    thread.name = "log"
    thread.start()
  }

  /// Takes a line with its newline; never waits.
  package func write(_ line: String) {
    let isFirst = queue.withLock { queue in
      guard queue.bytes + line.utf8.count <= Self.mostBytes else {
        queue.dropped += 1
        return false
      }
      queue.lines.append(line)
      queue.bytes += line.utf8.count
      return queue.lines.count == 1
    }
    if isFirst { available.signal() }
  }

  /// Waits until what was logged is written, but not longer than `seconds`.
  package func flush(seconds: Double) {
    let end = DispatchTime.now() + seconds
    while queue.withLock({ !$0.lines.isEmpty || $0.isWriting }) {
      available.signal()
      if idle.wait(timeout: end) == .timedOut { return }
    }
  }

  private func work() {
    while true {
      available.wait()
      let (lines, dropped) = queue.withLock { queue in
        defer { queue = Queue(isWriting: true) }
        return (queue.lines, queue.dropped)
      }
      for line in lines { put(line) }
      if dropped > 0 { put("\(dropped) log lines were dropped: nobody took them in time\n") }
      queue.withLock { $0.isWriting = false }
      idle.signal()
    }
  }

  /// Writes a line; one that cannot be written is lost, as there is nobody to tell.
  private func put(_ line: String) {
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written > 0 {
        bytes = bytes.dropFirst(written)
      } else if written < 0, errno != EINTR {
        return
      }
    }
  }
}
