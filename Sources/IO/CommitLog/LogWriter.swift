/// The one writer of a log: appends, rolls, truncates, closes. Used under the engine's lock.
///
/// Invariant: what `box` shows is durable.
struct LogWriter<D: Disk>: Sendable {
  let disk: D
  let folder: String
  let identity: LogIdentity
  let options: CommitLog.Options
  let box: LogViewBox<D.File>
  var view: LogView<D.File>
  var meta: MetaFile<D.File>
  /// When the meta file was last written, by the clock of the options.
  var metaTime: UInt64
  /// Why nothing can be written any more.
  var poison: String?
  /// Let go by closing.
  var lock: D.Lock?
  /// See `LogEngine.hasUncertainTail`.
  var isTailUncertain: Bool

  var active: Segment<D.File> { view.segments[view.segments.count - 1] }

  func checkWritable() throws(CommitLogError) {
    if view.isClosed { throw .closed }
    if let poison { throw .poisoned(why: poison) }
  }

  /// Runs what must not half happen: a failure other than a lack of space or descriptors, or any at all where `always`
  /// says so, ends all writing.
  mutating func orPoison(
    always: Bool = false, _ body: (inout LogWriter<D>) throws(CommitLogError) -> Void
  ) throws(CommitLogError) {
    do throws(CommitLogError) {
      try body(&self)
    } catch {
      if error.isRetryable, !always { throw error }
      if poison == nil { poison = error.description }
      throw error
    }
  }

  /// The meta of now.
  var currentMeta: LogMeta {
    LogMeta(
      startOffset: view.startOffset, firstIndex: view.firstIndex, commitMark: view.tail.commitMark,
      nextOffset: view.tail.nextOffset, nextIndex: view.tail.nextIndex,
      lastTerm: view.tail.lastTerm, lastLogTime: view.tail.lastLogTime,
      maxTimestamp: view.tail.maxTimestamp, lastSegment: active.firstIndex,
      storeEnd: active.end, isTailUncertain: isTailUncertain)
  }

  /// Raises the mark below which damage is never taken for a torn write.
  mutating func noteCommitted(_ index: UInt64) {
    if raiseCommitMark(to: index) { box.publish(view) }
  }

  /// Whether it rose: then the view is to be published.
  private mutating func raiseCommitMark(to index: UInt64) -> Bool {
    let mark = min(index, view.tail.nextIndex - 1)
    guard mark > view.tail.commitMark else { return false }
    view.tail.commitMark = mark
    return true
  }

  /// Cuts the files behind the last entry, writes the meta file, and lets go of the lock; that also where it throws,
  /// because it could not, or an earlier write failed.
  mutating func close() throws(CommitLogError) {
    guard !view.isClosed else { return }
    defer {
      view.isClosed = true
      box.publish(view)
      lock = nil
    }
    if let poison { throw .poisoned(why: poison) }
    try active.seal()
    var meta = currentMeta
    meta.isClean = true
    try self.meta.writeDurably(meta)
  }
}

// MARK: - Append

/// Where writing stands among several batches.
private struct WriteProgress {
  var batch = 0
  var frame = 0
}

extension LogWriter {
  /// Writes whole batches in order; how many are durable, and why not all. Entries up to `committed` are known to be
  /// acknowledged, as for `noteCommitted`.
  mutating func write(
    _ batches: [FrameBatch], committed: UInt64 = 0
  ) -> (written: Int, error: CommitLogError?) {
    let isMarked = raiseCommitMark(to: committed)
    var progress = WriteProgress()
    var failure: CommitLogError?
    do throws(CommitLogError) {
      try checkWritable()
      let fitting = followers(batches)
      while progress.batch < fitting.count {
        if fitting[progress.batch].isEmpty {
          progress.batch += 1
          continue
        }
        try rollIfFull(for: fitting[progress.batch].finished[progress.frame])
        try writeChunk(fitting, &progress)
      }
      if fitting.count < batches.count {
        let index = batches[fitting.count].firstIndex ?? 0
        throw CommitLogError.notNext(index: index, expected: view.tail.nextIndex)
      }
    } catch {
      failure = error
      if progress.frame > 0 {
        takeBack(batches[progress.batch])
        if let poison { failure = .poisoned(why: poison) }
      }
    }
    if progress.batch > 0 {
      if options.acknowledgesOnWrite { view.tail.commitMark = view.tail.nextIndex - 1 }
      box.publish(view)
      refreshMeta()
    } else if isMarked, failure == nil {
      box.publish(view)
    }
    return (progress.batch, failure)
  }

  /// The batches, from the first, that follow the log's end and each other.
  private func followers(_ batches: [FrameBatch]) -> ArraySlice<FrameBatch> {
    var index = view.tail.nextIndex
    var offset = view.tail.nextOffset
    var count = 0
    for batch in batches {
      guard let first = batch.finished.first else {
        count += 1
        continue
      }
      guard first.index == index, first.baseOffset == offset else { break }
      index = batch.last.index + 1
      offset = batch.last.nextOffset
      count += 1
    }
    return batches[..<count]
  }

  /// Whether the frame may stand in `segment` behind so many bytes and entries.
  private func fits(
    _ frame: FrameBatch.Frame, in segment: Segment<D.File>, _ index: SegmentIndex<D.File>,
    behind end: UInt64, entries: Int
  ) -> Bool {
    guard entries < index.capacity else { return false }
    guard frame.baseOffset - segment.baseOffset <= UInt64(UInt32.max) else { return false }
    return entries == 0 || end + UInt64(frame.length) <= UInt64(options.segmentBytes)
  }

  private mutating func rollIfFull(for frame: FrameBatch.Frame) throws(CommitLogError) {
    let segment = active
    let index = segment.index
    let entries = index.count
    guard entries > 0, !fits(frame, in: segment, index, behind: segment.end, entries: entries)
    else { return }
    try orPoison { (writer) throws(CommitLogError) in try writer.roll() }
  }

  /// Writes as many frames as the active segment takes: one write, one sync.
  private mutating func writeChunk(
    _ batches: ArraySlice<FrameBatch>, _ progress: inout WriteProgress
  ) throws(CommitLogError) {
    let segment = active
    let index = segment.index
    let start = segment.end
    var end = start
    var pieces: [UnsafeRawBufferPointer] = []
    var entries: [IndexEntry] = []
    var lastFrame: UnsafeMutableRawPointer?
    var next = progress
    gathering: while next.batch < batches.count {
      let batch = batches[next.batch]
      let firstByte = next.frame < batch.frames ? batch.finished[next.frame].start : batch.bytes
      var behind = firstByte
      while next.frame < batch.frames {
        let frame = batch.finished[next.frame]
        guard fits(frame, in: segment, index, behind: end, entries: index.count + entries.count)
        else { break }
        entries.append(
          .init(
            relativeOffset: UInt32(frame.baseOffset - segment.baseOffset), position: end))
        end += UInt64(frame.length)
        behind = frame.start + frame.length
        let memory = batch.memory + frame.start
        FrameHeader.setStartsWrite(lastFrame == nil, memory)
        lastFrame = memory
        next.frame += 1
      }
      if behind > firstByte {
        pieces.append(
          UnsafeRawBufferPointer(start: batch.memory + firstByte, count: behind - firstByte))
      }
      guard next.frame == batch.frames else { break gathering }
      next = WriteProgress(batch: next.batch + 1, frame: 0)
    }
    if let lastFrame {
      let header = try LogWriter.checked(lastFrame)
      try put(pieces, at: start, end: end, in: segment)
      for entry in entries { index.append(entry) }
      segment.publish(end: end)
      view.tail.advance(past: header)
    }
    progress = next
  }

  /// The header about to be written, checked once more: memory may have been damaged since.
  private static func checked(
    _ frame: UnsafeMutableRawPointer
  ) throws(CommitLogError) -> FrameHeader {
    do throws(FrameHeader.Flaw) {
      return try FrameHeader(checking: frame)
    } catch {
      preconditionFailure("a frame about to be written is bad: \(error.text)")
    }
  }

  /// Writes and syncs; a full disk leaves the store as it was.
  private mutating func put(
    _ pieces: [UnsafeRawBufferPointer], at start: UInt64, end: UInt64, in segment: Segment<D.File>
  ) throws(CommitLogError) {
    try orPoison { (writer) throws(CommitLogError) in
      try segment.index.reserve()
      try writer.reserve(upTo: end, in: segment)
      do throws(CommitLogError) {
        try segment.store.write(pieces, at: start)
      } catch .diskFull(let file) {
        // Reserved space cannot run out, but a file system that cannot reserve may be full here.
        try writer.orPoison(always: true) { (_) throws(CommitLogError) in
          try segment.store.truncate(to: start)
          segment.publish(reserved: start)
          try segment.store.sync()
        }
        throw .diskFull(file: file)
      }
      try segment.store.sync()
    }
  }

  /// Takes disk space in steps, so that a full disk is met before any byte is written.
  private func reserve(
    upTo end: UInt64, in segment: Segment<D.File>
  ) throws(CommitLogError) {
    let reserved = segment.reserved
    guard end > reserved else { return }
    let step = UInt64(options.reserveStep)
    let wanted = min((end + step - 1) / step * step, max(end, UInt64(options.segmentBytes)))
    do throws(CommitLogError) {
      try segment.store.reserve(from: reserved, to: wanted)
      segment.publish(reserved: wanted)
    } catch .diskFull {
      // There may still be room for just these bytes.
      try segment.store.reserve(from: reserved, to: end)
      segment.publish(reserved: end)
    }
  }

  /// Undoes the frames of a batch of which only the first part was written.
  private mutating func takeBack(_ batch: FrameBatch) {
    guard poison == nil, let index = batch.firstIndex else { return }
    do throws(CommitLogError) {
      try truncateSuffix(fromIndex: index)
    } catch {
      if poison == nil { poison = error.description }
    }
  }

  /// Brings the meta file up to date when it is more than a second old; costs no sync.
  private mutating func refreshMeta() {
    let now = options.clock()
    guard now > metaTime + 1_000_000_000 || now < metaTime else { return }
    metaTime = now
    do throws(CommitLogError) {
      // After a failed write nothing is known of the file: none must follow.
      try orPoison { (writer) throws(CommitLogError) in try writer.meta.write(writer.currentMeta) }
    } catch {
      // The mark also stands in the frames; only a later close needs the file.
      options.note("the meta file could not be refreshed: \(error)")
    }
  }
}
