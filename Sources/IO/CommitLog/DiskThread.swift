import Glibc

/// A thread for what waits for the disk. Everything that gathered while it was at work is taken as a whole, and all
/// batches waiting for one log go with one write and one sync.
package final class DiskThread: @unchecked Sendable {
  // Sendable: `queue` and `isStopping` are touched only under `mutex`.

  /// Hands a batch over; its giver no longer touches it.
  private struct Write: @unchecked Sendable {
    let batch: FrameBatch
    let log: CommitLog
    let done: @Sendable (Result<Void, CommitLogError>, FrameBatch) -> Void
  }

  private enum Job: Sendable {
    case write(Write)
    case run(@Sendable () -> Void)
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var queue: [Job] = []
  private var isStopping = false
  private var thread = pthread_t()

  package init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    let context = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<DiskThread>.fromOpaque(context).takeRetainedValue().work()
        return nil
      }, context)
    precondition(code == 0, "no thread for the disk: \(errorText(code))")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Writes `batch` to `log`; `done` runs on this thread when it is durable or failed, and gets the batch back.
  package func write(
    _ batch: sending FrameBatch, to log: CommitLog,
    done: @escaping @Sendable (Result<Void, CommitLogError>, FrameBatch) -> Void
  ) {
    enqueue(.write(Write(batch: batch, log: log, done: done)))
  }

  /// Runs `job` on this thread, behind what was handed over before.
  package func run(_ job: @escaping @Sendable () -> Void) { enqueue(.run(job)) }

  /// Does what was handed over, then ends the thread; returns when it has ended. Not to be called from the thread itself.
  /// Nothing may be handed over afterwards.
  package func stop() {
    pthread_mutex_lock(mutex)
    let first = !isStopping
    isStopping = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
    if first { pthread_join(thread, nil) }
  }

  private func enqueue(_ job: Job) {
    pthread_mutex_lock(mutex)
    precondition(!isStopping, "a job for a disk thread that was stopped")
    queue.append(job)
    if queue.count == 1 { pthread_cond_signal(condition) }
    pthread_mutex_unlock(mutex)
  }

  private func work() {
    var jobs: [Job] = []
    while true {
      jobs.removeAll(keepingCapacity: true)
      pthread_mutex_lock(mutex)
      while queue.isEmpty, !isStopping { pthread_cond_wait(condition, mutex) }
      swap(&jobs, &queue)
      pthread_mutex_unlock(mutex)
      if jobs.isEmpty { return }
      perform(jobs)
    }
  }

  private func perform(_ jobs: [Job]) {
    var waiting: [Write] = []
    for job in jobs {
      switch job {
      case .write(let write): waiting.append(write)
      case .run(let job):
        flush(&waiting)
        job()
      }
    }
    flush(&waiting)
  }

  /// Writes all that wait, log by log.
  private func flush(_ waiting: inout [Write]) {
    while let log = waiting.first?.log {
      let now = waiting.filter { $0.log === log }
      waiting.removeAll { $0.log === log }
      let (written, error) = log.write(now.map(\.batch))
      for (position, write) in now.enumerated() {
        if position >= written, let error {
          write.done(.failure(error), write.batch)
        } else {
          write.done(.success(()), write.batch)
        }
      }
    }
  }
}
