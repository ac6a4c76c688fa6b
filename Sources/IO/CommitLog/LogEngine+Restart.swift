/// A log that begins again behind an entry that it never had: what was before it came as an image.

extension LogEngine {
  /// Removes all entries and goes on behind `tail`, with its term, offset and times; durable on return.
  ///
  /// Whoever calls this has made durable before that it was about to: a crash leaves files of the old log beside the new
  /// one, which the same call at the next opening removes (`init(restart:)`).
  package func restart(behind tail: LogTail) throws(CommitLogError) {
    try changing { (writer) throws(CommitLogError) in try writer.restart(behind: tail) }
  }
}

extension LogWriter {
  mutating func restart(behind tail: LogTail) throws(CommitLogError) {
    try checkWritable()
    try orPoison(always: true) { (writer) throws(CommitLogError) in
      let (segment, meta) = try LogWriter.beginAgain(
        writer.identity, behind: tail, isTailUncertain: writer.isTailUncertain, writer.disk,
        writer.folder, writer.options)
      writer.meta = meta
      var view = LogView(segments: [segment], startOffset: tail.nextOffset, tail: tail)
      view.tail.commitMark = tail.nextIndex - 1
      view.epoch = writer.view.epoch + 1
      writer.view = view
      writer.box.publish(view)
      // Again, for readers that took old bytes for those of the first new view.
      writer.view.epoch += 1
      writer.box.publish(writer.view)
    }
  }

  /// An empty log behind `tail` in place of the files in `folder`, whatever they are.
  ///
  /// - Parameter isTailUncertain: what this node acknowledged may reach beyond `tail`, and be lost here.
  static func beginAgain(
    _ identity: LogIdentity, behind tail: LogTail, isTailUncertain: Bool, _ disk: D,
    _ folder: String, _ options: CommitLog.Options
  ) throws(CommitLogError) -> (Segment<D.File>, MetaFile<D.File>) {
    for name in try disk.names(in: folder)
    where [".store", ".index", ".store.new"].contains(where: { name.hasSuffix($0) }) {
      try disk.remove(folder + "/" + name)
    }
    let header = SegmentHeader(
      identity: identity, baseOffset: tail.nextOffset, firstIndex: tail.nextIndex,
      termBefore: tail.lastTerm)
    let name = Segment<D.File>.name(
      baseOffset: header.baseOffset, firstIndex: header.firstIndex, sharesBase: false)
    let segment = try makeSegment(header, name: name, disk, folder, options)
    var meta = LogMeta()
    meta.startOffset = tail.nextOffset
    meta.firstIndex = tail.nextIndex
    meta.commitMark = tail.nextIndex - 1
    meta.nextOffset = tail.nextOffset
    meta.nextIndex = tail.nextIndex
    meta.lastTerm = tail.lastTerm
    meta.lastLogTime = tail.lastLogTime
    meta.maxTimestamp = tail.maxTimestamp
    meta.lastSegment = tail.nextIndex
    meta.isTailUncertain = isTailUncertain
    meta.storeEnd = segment.end
    let path = DataFolder.metaFile(in: folder)
    let file = try disk.create(path + ".new", named: path)
    let written = try MetaFile(creating: file, logInstanceID: identity.logInstanceID, meta)
    try disk.rename(path + ".new", to: path)
    try disk.syncFolder(folder)
    return (segment, written)
  }
}

extension LogEngine {
  /// Ends a restart that a crash cut short.
  static func finishRestart(
    behind tail: LogTail, _ identity: LogIdentity, _ disk: D, _ folder: String,
    _ options: CommitLog.Options
  ) throws(CommitLogError) {
    try disk.keepFolder(folder)
    let path = DataFolder.metaFile(in: folder)
    var isUncertain = true
    if disk.exists(path),
      let meta = try? MetaFile(
        reading: try disk.open(path), logInstanceID: identity.logInstanceID, note: { _ in })
    {
      isUncertain = meta.current.isTailUncertain
    }
    _ = try LogWriter<D>.beginAgain(
      identity, behind: tail, isTailUncertain: isUncertain, disk, folder, options)
  }
}
