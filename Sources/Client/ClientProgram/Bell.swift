internal import Glibc
internal import Synchronization

/// Wakes a thread that waits in `poll`; rung from any thread, by an acknowledgement or by Ctrl-C.
package final class Bell: Sendable {
  private let readEnd: Int32
  private let writeEnd: Int32
  private let isRinging = Atomic(false)

  package init() throws(ProgramFailure) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw .io("no pipe can be made", errno: errno) }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// What to poll for input.
  var descriptor: Int32 { readEnd }

  /// Whether it rang, which answers it.
  package var hasRung: Bool {
    guard isRinging.load(ordering: .acquiring) else { return false }
    answer()
    return true
  }

  /// Rings once however often it is called before it is answered: the pipe never fills.
  package func ring() {
    guard !isRinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var byte: UInt8 = 1
    _ = write(writeEnd, &byte, 1)
  }

  package func answer() {
    guard isRinging.load(ordering: .acquiring) else { return }
    var byte: UInt8 = 0
    _ = read(readEnd, &byte, 1)
    isRinging.store(false, ordering: .releasing)
  }
}
