package import CommitLog
package import NIOCore

/// Applies a log's retention in the background: looks once a second, removes one segment at a time on the disk thread, so
/// that writes get their turn between two.
package final class RetentionTask: Sendable {
  /// What became of a look.
  package enum Outcome: Sendable, Equatable {
    case removed(RetentionStep)
    case failed(CommitLogError)
  }

  private let task: RepeatedTask
  private let eventLoop: any EventLoop

  /// - Parameters:
  ///   - report: told on the disk thread of each segment that went, and of a failure (which is told once, as a poisoned log
  ///     stays so).
  package init(
    _ log: CommitLog, disk: DiskThread, eventLoop: any EventLoop,
    every interval: TimeAmount = .seconds(1), report: @escaping @Sendable (Outcome) -> Void
  ) {
    self.eventLoop = eventLoop
    task = eventLoop.scheduleRepeatedAsyncTask(initialDelay: interval, delay: interval) { task in
      let done = eventLoop.makePromise(of: Void.self)
      Self.look(log, disk, report) { goesOn in
        if !goesOn { task.cancel() }
        done.succeed()
      }
      return done.futureResult
    }
  }

  /// Ends it; returns when nothing of it is on the disk thread any more.
  package func stop() async {
    let promise = eventLoop.makePromise(of: Void.self)
    task.cancel(promise: promise)
    // Never failed, unless the event loop is gone: then all is over, too.
    try? await promise.futureResult.get()
  }

  private static func look(
    _ log: CommitLog, _ disk: DiskThread, _ report: @escaping @Sendable (Outcome) -> Void,
    _ done: @escaping @Sendable (_ goesOn: Bool) -> Void
  ) {
    disk.run {
      do throws(CommitLogError) {
        guard let step = try log.applyRetentionStep() else { return done(true) }
        report(.removed(step))
        look(log, disk, report, done)
      } catch {
        // A full disk may have space later; all else stays as it is.
        if case .diskFull = error { return done(true) }
        if case .outOfFiles = error { return done(true) }
        report(.failed(error))
        done(false)
      }
    }
  }
}
