// Rolling to a new segment and cutting the log at either end.

extension LogWriter {
  /// Closes the active segment and begins the next: the old pair is durable and cut to size before the new one appears,
  /// the new pair is durable before the first acknowledgement in it.
  mutating func roll() throws(CommitLogError) {
    let old = active
    try old.seal()
    let tail = view.tail
    let header = SegmentHeader(
      identity: identity, baseOffset: tail.nextOffset, firstIndex: tail.nextIndex,
      termBefore: tail.lastTerm)
    let name = Segment<D.File>.name(
      baseOffset: header.baseOffset, firstIndex: header.firstIndex,
      sharesBase: old.baseOffset == header.baseOffset)
    let segment: Segment<D.File>
    do throws(CommitLogError) {
      segment = try LogWriter.makeSegment(header, name: name, disk, folder, options)
    } catch {
      if error.isRetryable { try LogWriter.removeUnfinished(name, disk, folder) }
      throw error
    }
    view.segments.append(segment)
    old.index.release()
  }

  /// A new durable pair. The store gets its name last: an index without a store does not count.
  ///
  /// Nothing is opened once it has its name, so that what runs out of descriptors can be taken back.
  static func makeSegment(
    _ header: SegmentHeader, name: String, _ disk: D, _ folder: String,
    _ options: CommitLog.Options
  ) throws(CommitLogError) -> Segment<D.File> {
    let indexFile = try disk.create(folder + "/" + Segment<D.File>.indexName(name))
    let index = try SegmentIndex(indexFile, count: 0, maxBytes: options.indexBytes, disk: disk)
    try index.reserve()
    try indexFile.sync()
    let path = folder + "/" + Segment<D.File>.storeName(name)
    let store = try disk.create(path + ".new", named: path)
    try store.write(header.encoded, at: 0)
    try store.sync()
    try disk.rename(path + ".new", to: path)
    try disk.syncFolder(folder)
    let end = UInt64(SegmentHeader.size)
    return Segment(
      header: header, store: store, index: index, name: name, end: end, reservedEnd: end)
  }

  private static func removeUnfinished(
    _ name: String, _ disk: D, _ folder: String
  ) throws(CommitLogError) {
    let store = folder + "/" + Segment<D.File>.storeName(name)
    for path in [store + ".new", store, folder + "/" + Segment<D.File>.indexName(name)]
    where disk.exists(path) {
      try disk.remove(path)
    }
  }

  private mutating func removeSegment(_ segment: Segment<D.File>) throws(CommitLogError) {
    try disk.remove(folder + "/" + Segment<D.File>.storeName(segment.name))
    let index = folder + "/" + Segment<D.File>.indexName(segment.name)
    if disk.exists(index) { try disk.remove(index) }
  }

  /// Cuts all entries from `index` on.
  ///
  /// The durable mark goes down first, then whole segments from the newest, then the tail of the one that is left, so
  /// that every crash leaves a log without a gap.
  mutating func truncateSuffix(fromIndex index: UInt64) throws(CommitLogError) {
    try checkWritable()
    guard index < view.tail.nextIndex else { return }
    precondition(index >= view.firstIndex, "entry \(index) is before \(view.firstIndex)")
    precondition(
      options.acknowledgesOnWrite || index > view.tail.commitMark,
      "entry \(index) is committed: the mark is \(view.tail.commitMark)")
    let old = view
    let keep = view.segment(ofIndex: index)
    let segment = view.segments[keep]
    let ordinal = Int(index - segment.firstIndex)
    let cut = try segment.frame(at: ordinal).position
    var tail = try tailBefore(index, cutting: segment.header)
    tail.commitMark = min(view.tail.commitMark, index - 1)
    view.tail = tail
    view.segments.removeSubrange((keep + 1)...)
    view.epoch += 1
    try orPoison { (writer) throws(CommitLogError) in
      do throws(CommitLogError) {
        var meta = writer.currentMeta
        meta.storeEnd = cut
        try writer.meta.writeDurably(meta)
      } catch {
        // Nothing was cut yet.
        writer.view = old
        throw error
      }
      writer.box.publish(writer.view)
    }
    try orPoison(always: true) { (writer) throws(CommitLogError) in
      for dropped in old.segments[(keep + 1)...].reversed() {
        try writer.removeSegment(dropped)
        try writer.disk.syncFolder(writer.folder)
      }
      segment.index.removeEntries(from: ordinal)
      segment.publish(end: cut)
      segment.publish(reserved: cut)
      try segment.store.truncate(to: cut)
      try segment.store.sync()
      // Again, for readers that took old bytes for those of the first new view.
      writer.view.epoch += 1
      writer.box.publish(writer.view)
    }
  }

  /// The log's end when `index` is the next entry.
  private func tailBefore(
    _ index: UInt64, cutting header: SegmentHeader
  ) throws(CommitLogError) -> LogTail {
    var tail = LogTail()
    guard index > view.firstIndex else {
      tail.nextIndex = header.firstIndex
      tail.nextOffset = header.baseOffset
      tail.lastTerm = header.termBefore
      return tail
    }
    let segment = view.segments[view.segment(ofIndex: index - 1)]
    tail.advance(past: try segment.frame(at: Int(index - 1 - segment.firstIndex)).header)
    return tail
  }

  /// Cuts the records from `offset` on, which must be the first of its batch.
  mutating func truncateSuffix(from offset: UInt64) throws(CommitLogError) {
    try checkWritable()
    guard offset >= view.startOffset else {
      throw .offsetTruncated(offset: offset, start: view.startOffset)
    }
    guard offset < view.tail.nextOffset else {
      guard offset == view.tail.nextOffset else {
        throw .offsetOutOfRange(offset: offset, available: view.offsets)
      }
      return
    }
    let segment = view.segments[view.segment(ofOffset: offset)]
    let header = try segment.frame(holding: offset).header
    guard header.baseOffset == offset else {
      throw .insideBatch(offset: offset, batch: header.offsets)
    }
    try truncateSuffix(fromIndex: header.index)
  }

  /// Makes `offset` the log's start: durable in the meta file first, then segments that lie wholly before it go, oldest
  /// first. What a crash leaves of them goes when the log is opened.
  mutating func truncatePrefix(before offset: UInt64) throws(CommitLogError) {
    try checkWritable()
    guard offset <= view.tail.nextOffset else {
      throw .offsetOutOfRange(offset: offset, available: view.offsets)
    }
    guard offset > view.startOffset else { return }
    var first = 0
    while first + 1 < view.segments.count, view.segments[first + 1].baseOffset <= offset {
      first += 1
    }
    try dropSegments(before: view.segments[first], startOffset: offset)
  }

  /// Makes `first` the oldest segment and `startOffset` the log's start, then removes what lies before.
  mutating func dropSegments(
    before first: Segment<D.File>, startOffset: UInt64
  ) throws(CommitLogError) {
    try orPoison { (writer) throws(CommitLogError) in
      let before = writer.view
      var dropped: [Segment<D.File>] = []
      writer.view.startOffset = startOffset
      while writer.view.segments[0] !== first { dropped.append(writer.view.segments.removeFirst()) }
      do throws(CommitLogError) {
        try writer.meta.writeDurably(writer.currentMeta)
      } catch {
        writer.view = before
        throw error
      }
      writer.box.publish(writer.view)
      for segment in dropped { try writer.removeSegment(segment) }
      if !dropped.isEmpty { try writer.disk.syncFolder(writer.folder) }
    }
  }
}
