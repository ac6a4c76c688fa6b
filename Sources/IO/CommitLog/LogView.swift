import Synchronization

/// The end of the log, as durable on this disk.
package struct LogTail: Sendable, Equatable {
  /// Of the next record.
  package var nextOffset: UInt64 = 0
  /// Of the next entry; the first is 1.
  package var nextIndex: UInt64 = 1
  /// Term of the last entry, 0 = none.
  package var lastTerm: UInt64 = 0
  /// Log time of the last entry, ns since 1970.
  package var lastLogTime: UInt64 = 0
  /// The running maximum of record timestamps, ns since 1970.
  package var maxTimestamp: UInt64 = 0
  /// The highest index known to be acknowledged.
  package var commitMark: UInt64 = 0

  package init() {}

  /// The end after the entry `header`.
  mutating func advance(past header: FrameHeader) {
    nextOffset = header.nextOffset
    nextIndex = header.index + 1
    lastTerm = header.term
    lastLogTime = header.logTime
    maxTimestamp = header.maxTimestamp
  }
}

/// What readers see of the log: a value that stays whole while the log goes on.
struct LogView<File: DiskFile>: Sendable {
  /// Ordered, never empty; the last takes the writes.
  var segments: [Segment<File>]
  /// The lowest offset that is served.
  var startOffset: UInt64
  var tail: LogTail
  /// Goes up with every truncateSuffix: places found before are void.
  var epoch: UInt64 = 0
  var isClosed = false

  var offsets: Range<UInt64> { startOffset..<max(startOffset, tail.nextOffset) }
  var firstIndex: UInt64 { segments[0].firstIndex }

  /// The segment in which `offset` lies, if it lies in any.
  func segment(ofOffset offset: UInt64) -> Int {
    last { $0.baseOffset <= offset }
  }

  func segment(ofIndex index: UInt64) -> Int {
    last { $0.firstIndex <= index }
  }

  /// The last segment that fits, the first if none does; those that fit come first.
  @inline(__always)
  private func last(fits: (Segment<File>) -> Bool) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if fits(segments[middle]) { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }
}

/// Hands the view from the writer to readers on any thread.
final class LogViewBox<File: DiskFile>: Sendable {
  private let view: Mutex<LogView<File>>

  init(_ view: LogView<File>) { self.view = Mutex(view) }

  var current: LogView<File> { view.withLock { $0 } }
  func publish(_ new: LogView<File>) { view.withLock { $0 = new } }
}
