/// Where a reader goes on: a cheap value that outlives rolls, truncation and the segments it was in.
package struct LogCursor: Sendable, Equatable {
  /// The next record.
  package private(set) var nextOffset: UInt64

  /// Where that was last known to lie; void when the log was cut since.
  struct Place: Sendable, Equatable {
    var epoch: UInt64
    var segment: UInt64
    var frame: UInt64
    /// Byte of the next record in the frame's body.
    var byte: Int
  }

  var place: Place?

  package init(nextOffset: UInt64) {
    self.nextOffset = nextOffset
  }

  mutating func move(to offset: UInt64, _ place: Place?) {
    nextOffset = offset
    self.place = place
  }
}

/// Whole stored `records` fields, one behind the other, as they go into a ConsumeResponse.
package struct RecordRun {
  package let bytes: UnsafeRawBufferPointer
  package let firstOffset: UInt64
  package let count: Int

  package init(bytes: UnsafeRawBufferPointer, firstOffset: UInt64, count: Int) {
    self.bytes = bytes
    self.firstOffset = firstOffset
    self.count = count
  }
}

/// What a read came to.
package enum ReadOutcome: Sendable, Equatable {
  /// Records were given.
  case run
  /// There is no record at the cursor yet.
  case atEnd
  /// The bytes are not in the page cache: read again where blocking is allowed.
  case wouldBlock
}

/// A stretch of a store; the frames in `verified` are known to be good.
struct ReadSlot {
  /// Which segment's store; looked at for its identity only.
  var segment: AnyObject?
  let region: ReadRegion
  var verified: Range<UInt64> = 0..<0
  /// Whether a consumer went on here from one frame to the next.
  var isSequential = false
  var lastUse = 0
}

/// A frame in memory, checked.
private struct CheckedFrame {
  var header: FrameHeader
  var bytes: UnsafeRawPointer

  var body: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes + FrameHeader.size, count: Int(header.bodyLength))
  }
}

/// Reads stored records for many consumers of one thread; frames read and checked last are kept.
package final class EngineReader<D: Disk> {
  /// Read at once when a consumer goes on from frame to frame; less where it has just come.
  private static var readBytes: Int { 512 << 10 }
  private static var firstReadBytes: Int { 64 << 10 }
  /// A region that grew for one huge frame is let go beyond this.
  static var keptBytes: Int { 2 << 20 }
  private static var slotCount: Int { 4 }

  private let engine: LogEngine<D>
  var slots: [ReadSlot] = []
  var maps = FrameMaps()
  /// What was read of a frame last; its memory is given back when it grew large.
  var part = ReadRegion(capacity: 0)
  private var epoch: UInt64 = 0
  private var uses = 0

  package init(_ engine: LogEngine<D>) {
    self.engine = engine
  }

  var availableOffsets: Range<UInt64> { engine.offsets }

  /// Gives a run of whole records from the cursor on, none at or past `limit`, at most `maxRecords` and `maxBytes`, but
  /// at least one, and moves the cursor behind them. The bytes are valid until `body` returns.
  package func read(
    _ cursor: inout LogCursor, limit: UInt64, maxRecords: Int, maxBytes: Int, mayBlock: Bool,
    _ body: (RecordRun) throws(CommitLogError) -> Void
  ) throws(CommitLogError) -> ReadOutcome {
    while true {
      let view = engine.currentView
      if view.isClosed { throw .closed }
      adopt(view.epoch)
      if cursor.nextOffset < view.startOffset {
        throw .offsetTruncated(offset: cursor.nextOffset, start: view.startOffset)
      }
      let limit = min(limit, view.tail.nextOffset)
      guard cursor.nextOffset < limit else { return .atEnd }
      do throws(CommitLogError) {
        if let outcome = try readPart(
          &cursor, view, limit: limit, maxRecords: maxRecords, maxBytes: maxBytes,
          mayBlock: mayBlock, body)
        {
          return outcome
        }
        guard let (frame, place) = try find(&cursor, view, mayBlock: mayBlock) else {
          return .wouldBlock
        }
        let run = cut(
          frame, from: place.byte, offset: cursor.nextOffset, limit: limit,
          maxRecords: maxRecords, maxBytes: maxBytes)
        guard run.count > 0 else { throw unreadable(view, place) }
        var next = place
        next.byte += run.bytes.count
        try body(run)
        cursor.move(to: cursor.nextOffset + UInt64(run.count), next)
        return .run
      } catch {
        guard engine.currentView.epoch != view.epoch else { throw error }
      }
    }
  }

  private func unreadable(_ view: LogView<D.File>, _ place: LogCursor.Place) -> CommitLogError {
    let segment = view.segments[view.segment(ofIndex: place.segment)]
    return .corrupt(
      file: segment.store.path, position: place.frame, offset: segment.baseOffset,
      what: "the frame's body is not a list of records")
  }

  /// Forgets everything when the log was cut since.
  private func adopt(_ epoch: UInt64) {
    guard epoch != self.epoch else { return }
    self.epoch = epoch
    maps.removeAll()
    for slot in slots.indices {
      slots[slot].segment = nil
      slots[slot].verified = 0..<0
      slots[slot].region.forget()
    }
  }

  /// The frame that holds the cursor's offset, and the byte of its record; nil where that would block.
  private func find(
    _ cursor: inout LogCursor, _ view: LogView<D.File>, mayBlock: Bool
  ) throws(CommitLogError) -> (CheckedFrame, LogCursor.Place)? {
    let offset = cursor.nextOffset
    var number = view.segment(ofOffset: offset)
    var segment = view.segments[number]
    var position: UInt64
    if let place = cursor.place, place.epoch == view.epoch {
      // The record may be the next segment's first while the place is the end of this one.
      if place.segment == segment.firstIndex { position = place.frame } else { position = 64 }
      if place.segment != segment.firstIndex { cursor.move(to: offset, nil) }
    } else {
      cursor.move(to: offset, nil)
      position = offset == segment.baseOffset ? 64 : try segment.frame(holding: offset).position
    }
    while true {
      if position >= segment.end, number + 1 < view.segments.count {
        number += 1
        segment = view.segments[number]
        position = UInt64(SegmentHeader.size)
        cursor.move(to: offset, nil)
      }
      guard let frame = try load(segment, at: position, for: offset, mayBlock: mayBlock) else {
        return nil
      }
      var place = LogCursor.Place(
        epoch: view.epoch, segment: segment.firstIndex, frame: position, byte: 0)
      if frame.header.kind == .data, frame.header.offsets.contains(offset) {
        if let known = cursor.place, known.frame == position {
          place.byte = known.byte
        } else {
          place.byte = try skip(frame, to: offset, in: segment, at: position)
        }
        return (frame, place)
      }
      guard frame.header.nextOffset <= offset else {
        throw .corrupt(
          file: segment.store.path, position: position, offset: offset, what: "a record is missing")
      }
      position += UInt64(frame.header.frameBytes)
    }
  }

  /// The byte in the body at which the record `offset` starts.
  private func skip(
    _ frame: CheckedFrame, to offset: UInt64, in segment: Segment<D.File>, at position: UInt64
  ) throws(CommitLogError) -> Int {
    var byte = 0
    var first = frame.header.baseOffset
    if offset > first, frame.body.count >= FrameMap.smallestBody,
      let map = map(of: frame, in: segment, at: position)
    {
      let stretch = map.stretches[map.stretch(ofRecord: UInt32(offset - first))]
      byte = Int(stretch.byte)
      first += UInt64(stretch.record)
    }
    for _ in first..<offset {
      guard let next = RecordFormat.end(ofRecordAt: byte, in: frame.body) else {
        throw .corrupt(
          file: segment.store.path, position: position, offset: offset,
          what: "the frame's body is not a list of records")
      }
      byte = next
    }
    return byte
  }

  private func map(
    of frame: CheckedFrame, in segment: Segment<D.File>, at position: UInt64
  ) -> FrameMap? {
    let key = FrameMaps.Key(segment: segment.firstIndex, position: position)
    if let map = maps[key] { return map }
    guard let map = FrameMap(frame.header, frame.body) else { return nil }
    maps.insert(map, key)
    return map
  }

  /// As many records as fit.
  private func cut(
    _ frame: CheckedFrame, from start: Int, offset: UInt64, limit: UInt64, maxRecords: Int,
    maxBytes: Int
  ) -> RecordRun {
    let body = frame.body
    let rest = frame.header.nextOffset - offset
    let most = Int(min(rest, limit - offset, UInt64(max(1, maxRecords))))
    var byte = start
    var count = 0
    if UInt64(most) == rest, body.count - start <= maxBytes {
      // The rest of the frame goes whole; its checksum vouches for its structure.
      byte = body.count
      count = most
    } else {
      (byte, count) = RecordFormat.prefix(body, from: start, maxRecords: most, maxBytes: maxBytes)
    }
    return RecordRun(
      bytes: UnsafeRawBufferPointer(rebasing: body[start..<byte]), firstOffset: offset,
      count: count)
  }

  // MARK: Frames in memory

  /// The frame at `position`, checked; nil where that would block.
  private func load(
    _ segment: Segment<D.File>, at position: UInt64, for offset: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> CheckedFrame? {
    uses += 1
    for slot in slots.indices where slots[slot].segment === segment {
      let region = slots[slot].region
      if slots[slot].verified.contains(position) {
        slots[slot].lastUse = uses
        guard let bytes = region.bytes(from: position).baseAddress else { break }
        return CheckedFrame(header: FrameHeader(verified: bytes), bytes: bytes)
      }
      if slots[slot].verified.upperBound == position {
        slots[slot].isSequential = true
        return try check(slot, segment, at: position, for: offset, mayBlock: mayBlock)
      }
    }
    let slot = freeSlot()
    slots[slot].segment = segment
    slots[slot].verified = position..<position
    slots[slot].isSequential = false
    slots[slot].region.forget()
    return try check(slot, segment, at: position, for: offset, mayBlock: mayBlock)
  }

  private func freeSlot() -> Int {
    if slots.count < EngineReader.slotCount {
      slots.append(ReadSlot(region: ReadRegion(capacity: EngineReader.readBytes)))
      return slots.count - 1
    }
    let oldest = slots.indices.min { slots[$0].lastUse < slots[$1].lastUse } ?? 0
    if slots[oldest].region.memory.count > EngineReader.keptBytes {
      slots[oldest] = ReadSlot(region: ReadRegion(capacity: EngineReader.readBytes))
    }
    return oldest
  }

  /// Reads the frame at `position` as far as it is not in the slot, and checks it.
  private func check(
    _ slot: Int, _ segment: Segment<D.File>, at position: UInt64, for offset: UInt64,
    mayBlock: Bool
  ) throws(CommitLogError) -> CheckedFrame? {
    slots[slot].lastUse = uses
    let region = slots[slot].region
    let end = segment.end
    guard
      try fill(
        slot, segment, at: position, for: offset, need: FrameHeader.size, end: end,
        mayBlock: mayBlock)
    else { return nil }
    let header: FrameHeader
    do throws(FrameHeader.Flaw) {
      guard let bytes = region.bytes(from: position).baseAddress else { throw .notAFrame }
      header = try FrameHeader(checking: bytes)
    } catch {
      throw corrupt(slot, segment, position, offset, error.text)
    }
    guard UInt64(header.frameBytes) <= end - position else {
      throw corrupt(slot, segment, position, offset, "the frame body is cut off")
    }
    guard
      try fill(
        slot, segment, at: position, for: offset, need: header.frameBytes, end: end,
        mayBlock: mayBlock),
      let bytes = region.bytes(from: position).baseAddress
    else { return nil }
    let frame = CheckedFrame(header: header, bytes: bytes)
    guard CRC32C.checksum(frame.body) == header.bodyChecksum else {
      throw corrupt(slot, segment, position, offset, "the checksum of the frame body is wrong")
    }
    slots[slot].verified =
      slots[slot].verified.lowerBound..<position + UInt64(header.frameBytes)
    return frame
  }

  /// Brings `need` bytes at `position` into the slot; false where that would block.
  private func fill(
    _ slot: Int, _ segment: Segment<D.File>, at position: UInt64, for offset: UInt64, need: Int,
    end: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> Bool {
    let region = slots[slot].region
    if region.bytes(from: position).count >= need { return true }
    let want = slots[slot].isSequential ? EngineReader.readBytes : EngineReader.firstReadBytes
    // What stood before `position` goes.
    slots[slot].verified = position..<position
    let ready = try region.load(
      segment.store, at: position, need: need, want: want, limit: end,
      mayBlock: mayBlock)
    guard ready else { return false }
    guard region.bytes(from: position).count >= need else {
      throw corrupt(slot, segment, position, offset, "the file ends too early")
    }
    return true
  }

  private func corrupt(
    _ slot: Int, _ segment: Segment<D.File>, _ position: UInt64, _ offset: UInt64, _ what: String
  ) -> CommitLogError {
    slots[slot].segment = nil
    slots[slot].verified = 0..<0
    slots[slot].region.forget()
    return .corrupt(
      file: segment.store.path, position: position, offset: offset, what: what)
  }
}

extension EngineReader {
  /// Gives the records of [start, end) one by one.
  func records(
    from start: UInt64, to end: UInt64, _ body: (Record) -> Void
  ) throws(CommitLogError) {
    var cursor = LogCursor(nextOffset: start)
    while cursor.nextOffset < end {
      let outcome = try read(
        &cursor, limit: end, maxRecords: .max, maxBytes: 1 << 20, mayBlock: true
      ) { (run) throws(CommitLogError) in
        var position = 0
        while position < run.bytes.count {
          guard let record = RecordFormat.read(run.bytes, &position) else {
            throw .corrupt(
              file: "", position: 0, offset: run.firstOffset, what: "a record cannot be read")
          }
          body(record)
        }
      }
      guard outcome == .run else { return }
    }
  }
}
