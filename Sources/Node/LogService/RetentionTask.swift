package import CommitLog
package import NIOCore
import Synchronization

/// Applies a log's retention in the background: looks once a second, removes one segment at a time on the disk thread, so
/// that writes get their turn between two.
package final class RetentionTask: Sendable {
  /// What became of a look.
  package enum Outcome: Sendable, Equatable {
    case removed(RetentionStep)
    case failed(CommitLogError)
  }

  /// Removes one segment, if one may go; on the disk thread.
  package typealias Step = @Sendable () throws(CommitLogError) -> RetentionStep?

  private let task: RepeatedTask
  private let eventLoop: any EventLoop
  private let disk: DiskThread
  private let stopping: Stopping
  private let step: Step
  private let report: @Sendable (Outcome) -> Void

  /// Set when no further look may be handed to the disk thread, which is about to end.
  private final class Stopping: Sendable {
    let isSet = Atomic(false)
  }

  /// - Parameters:
  ///   - report: told on the disk thread of each segment that went, and of a failure (which is told once, as a poisoned log
  ///     stays so).
  ///   - step: removes a segment.
  package init(
    disk: DiskThread, eventLoop: any EventLoop,
    every interval: TimeAmount = .seconds(1), report: @escaping @Sendable (Outcome) -> Void,
    step: @escaping Step
  ) {
    self.eventLoop = eventLoop
    self.disk = disk
    self.step = step
    self.report = report
    let stopping = Stopping()
    self.stopping = stopping
    task = eventLoop.scheduleRepeatedAsyncTask(initialDelay: interval, delay: interval) { task in
      let done = eventLoop.makePromise(of: Void.self)
      Self.look(step, disk, stopping, report) { goesOn in
        if !goesOn { task.cancel() }
        done.succeed()
      }
      return done.futureResult
    }
  }

  /// Looks at once, beside the regular looks. Any thread.
  package func lookNow() {
    guard !stopping.isSet.load(ordering: .sequentiallyConsistent) else { return }
    Self.look(step, disk, stopping, report) { _ in }
  }

  /// Ends it; returns when nothing of it is on the disk thread any more.
  package func stop() async {
    stopping.isSet.store(true, ordering: .sequentiallyConsistent)
    let promise = eventLoop.makePromise(of: Void.self)
    task.cancel(promise: promise)
    // Never failed, unless the event loop is gone: then all is over, too.
    try? await promise.futureResult.get()
    // A look under way may have handed over the next one, which sees the mark and ends.
    await withCheckedContinuation { done in disk.run { done.resume() } }
  }

  private static func look(
    _ take: @escaping Step, _ disk: DiskThread, _ stopping: Stopping,
    _ report: @escaping @Sendable (Outcome) -> Void,
    _ done: @escaping @Sendable (_ goesOn: Bool) -> Void
  ) {
    disk.run {
      guard !stopping.isSet.load(ordering: .sequentiallyConsistent) else { return done(false) }
      do throws(CommitLogError) {
        guard let step = try take() else { return done(true) }
        report(.removed(step))
        guard !stopping.isSet.load(ordering: .sequentiallyConsistent) else { return done(false) }
        look(take, disk, stopping, report, done)
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
