/// Random reads: few records of a large frame that was checked before, without reading all of it again.
extension EngineReader {
  /// Read at most of a frame whose map is known; for more than that the whole frame is read.
  private static var partBytes: Int { 64 << 10 }
  /// Who wants more records, and more bytes than these, is not even asked which frame that is.
  private static var fewRecords: Int { 1024 }

  /// As `read` gives them, records of a frame whose map is known and that is not in memory, where few are wanted; nil
  /// where that is not so.
  func readPart(
    _ cursor: inout LogCursor, _ view: LogView<D.File>, limit: UInt64, maxRecords: Int,
    maxBytes: Int, mayBlock: Bool, _ body: (RecordRun) throws(CommitLogError) -> Void
  ) throws(CommitLogError) -> ReadOutcome? {
    guard !maps.isEmpty, maxRecords <= EngineReader.fewRecords || maxBytes <= EngineReader.partBytes
    else { return nil }
    let offset = cursor.nextOffset
    let segment = view.segments[view.segment(ofOffset: offset)]
    guard let (map, position) = knownMap(cursor, segment, view) else { return nil }
    let record = UInt32(offset - map.header.baseOffset)
    let most = Int(min(UInt64(max(1, maxRecords)), min(limit, map.header.nextOffset) - offset))
    guard
      let stretches = map.stretches(
        from: record, records: most, maxBytes: maxBytes, limit: EngineReader.partBytes)
    else { return nil }
    let first = map.stretches[stretches.lowerBound]
    let start = position + UInt64(FrameHeader.size) + UInt64(first.byte)
    let count = map.bytes(of: stretches.upperBound - 1).upperBound - Int(first.byte)
    part.forget()
    defer {
      if part.memory.count > EngineReader.keptBytes { part = ReadRegion(capacity: 0) }
    }
    guard
      try part.load(segment.store, at: start, need: count, want: count, mayBlock: mayBlock)
    else { return .wouldBlock }
    let bytes = part.bytes(from: start)
    guard bytes.count == count, map.vouches(for: bytes, stretches),
      let byte = RecordFormat.start(ofRecord: Int(record - first.record), in: bytes)
    else {
      // Whoever reads the whole frame says what is wrong with it.
      maps.remove(FrameMaps.Key(segment: segment.firstIndex, position: position))
      return nil
    }
    let run = RecordFormat.prefix(bytes, from: byte, maxRecords: most, maxBytes: maxBytes)
    guard run.count > 0 else { return nil }
    let place = LogCursor.Place(
      epoch: view.epoch, segment: segment.firstIndex, frame: position,
      byte: Int(first.byte) + run.end)
    try body(
      RecordRun(
        bytes: UnsafeRawBufferPointer(rebasing: bytes[byte..<run.end]), firstOffset: offset,
        count: run.count))
    cursor.move(to: offset + UInt64(run.count), place)
    return .run
  }

  /// The map of the frame that holds the cursor's offset, if there is one and the frame itself is not in memory.
  private func knownMap(
    _ cursor: LogCursor, _ segment: Segment<D.File>, _ view: LogView<D.File>
  ) -> (FrameMap, position: UInt64)? {
    let offset = cursor.nextOffset
    var position: UInt64?
    if let place = cursor.place {
      if place.epoch == view.epoch, place.segment == segment.firstIndex { position = place.frame }
    } else if let ordinal = segment.index.ordinal(ofOffset: offset - segment.baseOffset) {
      position = segment.index[ordinal]?.position
    }
    guard let position,
      let map = maps[FrameMaps.Key(segment: segment.firstIndex, position: position)],
      map.header.offsets.contains(offset),
      !slots.contains(where: { $0.segment === segment && $0.verified.contains(position) })
    else { return nil }
    return (map, position)
  }
}
