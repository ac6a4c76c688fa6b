package import CommitLog
package import NIOCore
import Synchronization

/// Reads the whole log again and again in the background, so that damage is found while other servers still have what was
/// damaged (Schwarz et al., "Disk scrubbing in large archival storage systems", 2004). One segment at a time, at a rate
/// that leaves the disk to others; from one pass to the next at least a day goes by.
package final class ScrubTask: Sendable {
  private static let betweenPasses = TimeAmount.hours(24)

  private let log: CommitLog
  private let thread: DiskThread
  private let eventLoop: any EventLoop
  private let bytesPerSecond: UInt64
  private let found: @Sendable (CommitLogError) -> Void
  private let state = Mutex(State())

  private struct State: Sendable {
    var next: Scheduled<Void>?
    var isStopping = false
    /// The last segment read in this pass.
    var last: String?
  }

  /// - Parameters:
  ///   - thread: may wait for the disk.
  ///   - bytesPerSecond: at least 1.
  ///   - found: told of damage, on `thread`.
  package init(
    _ log: CommitLog, on thread: DiskThread, eventLoop: any EventLoop, bytesPerSecond: Int,
    found: @escaping @Sendable (CommitLogError) -> Void
  ) {
    self.log = log
    self.thread = thread
    self.eventLoop = eventLoop
    self.bytesPerSecond = UInt64(max(1, bytesPerSecond))
    self.found = found
    schedule(.seconds(1))
  }

  /// Ends it; returns when nothing of it is on the thread any more.
  package func stop() async {
    let next = state.withLock { state in
      state.isStopping = true
      return state.next
    }
    next?.cancel()
    await withCheckedContinuation { done in thread.run { done.resume() } }
  }

  private func schedule(_ delay: TimeAmount) {
    state.withLock { state in
      guard !state.isStopping else { return }
      state.next = eventLoop.scheduleTask(in: delay) { [weak self] in self?.look() }
    }
  }

  private func look() {
    // Under the lock, so that nothing is handed over once `stop` has begun.
    state.withLock { state in
      guard !state.isStopping else { return }
      thread.run { [self] in schedule(readNext()) }
    }
  }

  /// Reads the next segment; until when to wait.
  private func readNext() -> TimeAmount {
    let last = state.withLock { $0.last }
    let files = log.segmentFiles
    let place = last.flatMap { last in files.firstIndex { $0.path == last } }
    // Where retention has removed the last one, the pass goes on with the oldest.
    let next = place.map { $0 + 1 } ?? 0
    guard next < files.count else {
      state.withLock { $0.last = nil }
      return Self.betweenPasses
    }
    state.withLock { $0.last = files[next].path }
    do throws(CommitLogError) {
      try log.check(files[next].path)
    } catch {
      found(error)
    }
    return .nanoseconds(Int64(files[next].bytes * 1_000_000 / bytesPerSecond) * 1000 + 1_000_000)
  }
}
