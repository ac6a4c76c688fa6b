import Glibc

/// A thread for what waits for the disk: one job after the other, in the order in which they were handed over.
package final class DiskThread: @unchecked Sendable {
  // Sendable: `queue` and `isStopping` are touched only under `mutex`.

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var queue: [@Sendable () -> Void] = []
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

  /// Runs `job` on this thread, behind what was handed over before.
  package func run(_ job: @escaping @Sendable () -> Void) { enqueue(job) }

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

  private func enqueue(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(mutex)
    precondition(!isStopping, "a job for a disk thread that was stopped")
    queue.append(job)
    if queue.count == 1 { pthread_cond_signal(condition) }
    pthread_mutex_unlock(mutex)
  }

  private func work() {
    var jobs: [@Sendable () -> Void] = []
    while true {
      jobs.removeAll(keepingCapacity: true)
      pthread_mutex_lock(mutex)
      while queue.isEmpty, !isStopping { pthread_cond_wait(condition, mutex) }
      swap(&jobs, &queue)
      pthread_mutex_unlock(mutex)
      if jobs.isEmpty { return }
      for job in jobs { job() }
    }
  }
}
