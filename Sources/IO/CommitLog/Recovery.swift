/// Opening a data folder: the files as they are become a log, or are refused.
///
/// Above the durable mark a bad tail is a torn write: cut, made durable, noted. Below it, or before any frame of a later
/// write, it is damage: refused, never cut (the mark: see `LogMeta.commitMark` and `FrameHeader`).
struct Recovery<D: Disk> {
  let disk: D
  let folder: String
  let identity: LogIdentity
  let options: CommitLog.Options
  private var meta: MetaFile<D.File>

  init(
    _ disk: D, folder: String, identity: LogIdentity, options: CommitLog.Options
  ) throws(CommitLogError) {
    self.disk = disk
    self.folder = folder
    self.identity = identity
    self.options = options
    try disk.keepFolder(folder)
    let path = DataFolder.metaFile(in: folder)
    do throws(CommitLogError) {
      guard disk.exists(path) else {
        throw .corrupt(file: path, position: 0, offset: 0, what: "the file is missing")
      }
      meta = try MetaFile(
        reading: try disk.open(path), logInstanceID: identity.logInstanceID, note: options.note)
    } catch {
      throw error.naming(CommitLogError.repairRemedy)
    }
  }

  /// A segment as found: its name and header.
  private struct Found {
    var name: String
    var store: D.File
    var header: SegmentHeader
  }

  /// The writer of the recovered log; the meta file says "not closed" from here on.
  mutating func run(lock: D.Lock) throws(CommitLogError) -> LogWriter<D> {
    let found = try findSegments()
    var segments: [Segment<D.File>] = []
    var tail = LogTail()
    tail.commitMark = meta.current.commitMark
    for (position, next) in zip(found, found.dropFirst()) {
      let segment = try openSealed(position, before: next.header, &tail)
      segment.index.release()
      segments.append(segment)
    }
    let last = found[found.count - 1]
    if segments.isEmpty { startOfLog(last.header, &tail) }
    segments.append(try openLast(last, &tail))
    tail.commitMark = min(tail.commitMark, tail.nextIndex - 1)
    if options.acknowledgesOnWrite { tail.commitMark = tail.nextIndex - 1 }
    let start = max(meta.current.startOffset, segments[0].baseOffset)
    guard start <= tail.nextOffset else {
      throw damage(
        last, segments[segments.count - 1].end, tail.nextOffset, "the log starts at \(start)")
    }
    let view = LogView(segments: segments, startOffset: start, tail: tail)
    var writer = LogWriter(
      disk: disk, folder: folder, identity: identity, options: options, box: LogViewBox(view),
      view: view, meta: meta, metaTime: options.clock(), poison: nil, lock: lock,
      isTailUncertain: meta.current.isTailUncertain)
    try writer.meta.writeDurably(writer.currentMeta)
    return writer
  }

  /// The log's end before the first segment's first entry.
  private func startOfLog(_ header: SegmentHeader, _ tail: inout LogTail) {
    tail.nextOffset = header.baseOffset
    tail.nextIndex = header.firstIndex
    tail.lastTerm = header.termBefore
    if meta.current.nextIndex == header.firstIndex {
      tail.lastLogTime = meta.current.lastLogTime
      tail.maxTimestamp = meta.current.maxTimestamp
    }
  }

  // MARK: Finding

  private func findSegments() throws(CommitLogError) -> [Found] {
    let names = try disk.names(in: folder)
    let stores = names.filter { $0.hasSuffix(".store") }.map { String($0.dropLast(6)) }
    try removeLeftovers(names, stores: Set(stores))
    var found: [Found] = []
    for name in stores.sorted(by: Segment<D.File>.precedes) {
      let path = folder + "/" + Segment<D.File>.storeName(name)
      let store = try disk.open(path)
      let (header, flaw) = try SegmentHeader.find(
        store, name: name, identity: identity, after: found.last.map { ($0.store, $0.header) },
        firstIndex: meta.current.firstIndex)
      if let flaw {
        try store.write(header.encoded, at: 0)
        try store.sync()
        options.note("\(path): the header was made anew (\(flaw))")
      }
      let names = [false, true].map { shares in
        Segment<D.File>.name(
          baseOffset: header.baseOffset, firstIndex: header.firstIndex, sharesBase: shares)
      }
      guard names.contains(name) else {
        throw .corrupt(
          file: path, position: 0, offset: header.baseOffset,
          what: "the header belongs to the file \(names[0])")
      }
      found.append(Found(name: name, store: store, header: header))
    }
    found.sort { $0.header.firstIndex < $1.header.firstIndex }
    // Before anything is removed: what this log does not begin with may be all that is left of it.
    guard found.contains(where: { $0.header.firstIndex == meta.current.firstIndex }) else {
      throw .corrupt(
        file: folder, position: 0, offset: meta.current.startOffset,
        what: found.isEmpty ? "all segments are missing" : "the first segment is missing")
    }
    try removeBeforeStart(&found)
    return found
  }

  /// A roll that did not end leaves a store under its draft name or an index alone; neither holds a record.
  private func removeLeftovers(
    _ names: [String], stores: Set<String>
  ) throws(CommitLogError) {
    var removed = false
    for name in names {
      let isDraft = name.hasSuffix(".store.new")
      let isLoneIndex = name.hasSuffix(".index") && !stores.contains(String(name.dropLast(6)))
      guard isDraft || isLoneIndex else { continue }
      try disk.remove(folder + "/" + name)
      removed = true
    }
    if removed { try disk.syncFolder(folder) }
  }

  /// Finishes a truncatePrefix.
  private func removeBeforeStart(_ found: inout [Found]) throws(CommitLogError) {
    var removed = false
    while let first = found.first, first.header.firstIndex < meta.current.firstIndex {
      let path = folder + "/" + Segment<D.File>.indexName(first.name)
      try disk.remove(first.store.path)
      if disk.exists(path) { try disk.remove(path) }
      found.removeFirst()
      removed = true
    }
    if removed { try disk.syncFolder(folder) }
  }

  // MARK: Segments that are done

  private func openSealed(
    _ found: Found, before next: SegmentHeader, _ tail: inout LogTail
  ) throws(CommitLogError) -> Segment<D.File> {
    let size = try found.store.size()
    guard next.firstIndex >= found.header.firstIndex else {
      throw damage(found, size, found.header.baseOffset, "segments overlap")
    }
    let count = next.firstIndex - found.header.firstIndex
    if let (segment, end) = try openByIndex(found, count: count, end: size), let last = end {
      guard last.nextOffset == next.baseOffset, last.term == next.termBefore else {
        throw damage(
          found, size, last.nextOffset, "the next segment starts at offset \(next.baseOffset)")
      }
      tail.advance(past: last)
      return segment
    }
    let (segment, scan, stop) = try rebuild(found)
    if case .flaw(let what) = stop {
      throw damage(found, scan.position, scan.nextOffset, what)
    }
    guard scan.position == size, scan.nextIndex == next.firstIndex,
      scan.nextOffset == next.baseOffset
    else {
      throw damage(
        found, scan.position, scan.nextOffset,
        "entries up to \(next.firstIndex) should stand here")
    }
    options.note("the index of \(found.store.path) was rebuilt")
    try segment.index.seal()
    if let last = scan.last { tail.advance(past: last) }
    tail.commitMark = max(tail.commitMark, scan.commitMark)
    return segment
  }

  /// The segment, if its index has `count` entries and the last one leads to the frame that ends the store at `end`.
  private func openByIndex(
    _ found: Found, count: UInt64, end: UInt64
  ) throws(CommitLogError) -> (Segment<D.File>, last: FrameHeader?)? {
    let path = folder + "/" + Segment<D.File>.indexName(found.name)
    guard disk.exists(path) else { return nil }
    let file = try disk.open(path)
    let entryBytes = UInt64(SegmentIndex<D.File>.entryBytes)
    guard count <= UInt64(UInt32.max), try file.size() == count * entryBytes else { return nil }
    let index = try SegmentIndex(
      file, count: Int(count), maxBytes: options.indexBytes, disk: disk)
    let segment = Segment(
      header: found.header, store: found.store, index: index, name: found.name, end: end,
      reservedEnd: end)
    guard count > 0 else { return end == UInt64(SegmentHeader.size) ? (segment, nil) : nil }
    guard let last = index[Int(count) - 1] else { return nil }
    guard last.position >= UInt64(SegmentHeader.size), last.position < end else { return nil }
    guard let header = try? segment.frameHeader(at: last.position) else { return nil }
    guard header.index == found.header.firstIndex + count - 1,
      header.baseOffset == found.header.baseOffset + UInt64(last.relativeOffset),
      last.position + UInt64(header.frameBytes) == end
    else { return nil }
    return (segment, header)
  }

  /// Reads the whole store and writes a new index.
  private func rebuild(
    _ found: Found
  ) throws(CommitLogError) -> (Segment<D.File>, FrameScan<D.File>, FrameScan<D.File>.Stop) {
    var scan = try FrameScan(found.store, found.header)
    var entries: [IndexEntry] = []
    let base = found.header.baseOffset
    let stop = try scan.run { (header, position, _) in
      entries.append(
        .init(relativeOffset: UInt32(clamping: header.baseOffset - base), position: position))
    }
    let path = folder + "/" + Segment<D.File>.indexName(found.name)
    // An old file keeps its space, and no more is asked for than these entries need, so that a full disk does not stop a
    // node from starting.
    let file = disk.exists(path) ? try disk.open(path) : try disk.create(path)
    let needed = entries.count * SegmentIndex<D.File>.entryBytes
    let index = try SegmentIndex(
      file, count: 0, maxBytes: max(options.indexBytes, needed), disk: disk)
    try index.reserve(entries: entries.count)
    for entry in entries { index.append(entry) }
    let segment = Segment(
      header: found.header, store: found.store, index: index, name: found.name, end: scan.position,
      reservedEnd: try found.store.size())
    return (segment, scan, stop)
  }

  // MARK: The last segment

  private mutating func openLast(
    _ found: Found, _ tail: inout LogTail
  ) throws(CommitLogError) -> Segment<D.File> {
    if let segment = try openClosed(found, &tail) { return segment }
    // What the page cache holds may differ from the disk after a failed write (fsyncgate).
    found.store.forgetCache()
    let (segment, scan, stop) = try rebuild(found)
    tail.commitMark = max(tail.commitMark, scan.commitMark)
    let size = try found.store.size()
    try checkTail(found, scan, stop, mark: tail.commitMark)
    if case .flaw = stop {
      let end = try scan.lastNonZero(from: scan.position) ?? size
      options.note(
        "\(found.store.path): cut \(end - scan.position) bytes of a torn write at byte "
          + "\(scan.position), offset \(scan.nextOffset)")
      try noteUncertainTail()
      try found.store.truncate(to: scan.position)
      segment.publish(reserved: scan.position)
    }
    // Frames that were written and not synced are about to be served and built upon.
    try found.store.sync()
    if let last = scan.last { tail.advance(past: last) }
    do throws(CommitLogError) {
      try segment.index.reserve()
    } catch {
      guard error.isRetryable else { throw error }
      // Reads go on; the first append asks again.
    }
    try disk.syncFolder(folder)
    return segment
  }

  /// Durable before the cut: the next start would find a log without a flaw. What only this node held was not
  /// acknowledged while it was being written; what others hold too may have been, and have been damaged since.
  private mutating func noteUncertainTail() throws(CommitLogError) {
    guard !options.acknowledgesOnWrite, !meta.current.isTailUncertain else { return }
    var uncertain = meta.current
    uncertain.isClean = false
    uncertain.isTailUncertain = true
    try meta.writeDurably(uncertain)
  }

  /// Refuses a bad tail that is no torn write.
  private func checkTail(
    _ found: Found, _ scan: FrameScan<D.File>, _ stop: FrameScan<D.File>.Stop, mark: UInt64
  ) throws(CommitLogError) {
    let what =
      if case .flaw(let flaw) = stop { flaw } else { "the file ends here" }
    guard mark < scan.nextIndex else {
      throw damage(
        found, scan.position, scan.nextOffset, "\(what); entries up to \(mark) were acknowledged")
    }
    guard case .flaw = stop else { return }
    if let proof = try scan.isFollowedByProof(
      isReplicated: !options.acknowledgesOnWrite)
    {
      throw damage(
        found, scan.position, scan.nextOffset, "\(what); a later write stands at byte \(proof)")
    }
  }

  /// The last segment of a log that was closed: only its last frame is read.
  private func openClosed(
    _ found: Found, _ tail: inout LogTail
  ) throws(CommitLogError) -> Segment<D.File>? {
    let closed = meta.current
    guard closed.isClean, closed.lastSegment == found.header.firstIndex,
      closed.nextIndex >= found.header.firstIndex, try found.store.size() == closed.storeEnd
    else { return nil }
    let count = closed.nextIndex - found.header.firstIndex
    guard let (segment, _) = try openByIndex(found, count: count, end: closed.storeEnd) else {
      return nil
    }
    if count > 0 {
      guard let entry = segment.index[Int(count) - 1],
        let last = try checkedFrame(found.store, at: entry.position)
      else { return nil }
      guard last.nextOffset == closed.nextOffset else { return nil }
      tail.advance(past: last)
    }
    do throws(CommitLogError) {
      try segment.index.reserve()
    } catch {
      guard error.isRetryable else { throw error }
      // Reads go on; the first append asks again.
    }
    return segment
  }

  /// The header of the frame at `position`, its body checked too.
  private func checkedFrame(
    _ store: D.File, at position: UInt64
  ) throws(CommitLogError) -> FrameHeader? {
    let region = ReadRegion(capacity: 4096)
    _ = try region.load(store, at: position, need: FrameHeader.size, want: 4096, mayBlock: true)
    guard region.count >= FrameHeader.size, let base = region.bytes(from: position).baseAddress,
      let header = try? FrameHeader(checking: base)
    else { return nil }
    _ = try region.load(
      store, at: position, need: header.frameBytes, want: 0, limit: try store.size(),
      mayBlock: true)
    let bytes = region.bytes(from: position)
    guard bytes.count >= header.frameBytes else { return nil }
    let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size..<header.frameBytes])
    return CRC32C.checksum(body) == header.bodyChecksum ? header : nil
  }

  private func damage(
    _ found: Found, _ position: UInt64, _ offset: UInt64, _ what: String
  ) -> CommitLogError {
    .corrupt(file: found.store.path, position: position, offset: offset, what: what)
  }
}
