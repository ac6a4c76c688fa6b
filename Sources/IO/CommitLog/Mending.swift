/// Entries of a segment that cannot be read any more, though they were acknowledged. Frames are the same bytes on every
/// server of a cluster, but for one flag, so each fits into the place of the damaged one.
package struct SegmentFault: Sendable, Equatable {
  package var file: String
  /// Where the first bad frame begins.
  package var position: UInt64
  /// The entry that should stand there, and the record.
  package var index: UInt64
  package var offset: UInt64
  /// The good frame behind, where there is one: its place and its entry.
  package var end: End?

  package struct End: Sendable, Equatable {
    package var position: UInt64
    package var index: UInt64
  }
}

/// Finds the faults of a segment, and puts frames from elsewhere into their places.
struct SegmentMender<File: DiskFile> {
  let file: File
  let header: SegmentHeader
  /// The entry behind the segment's last one; nil: as many as there are, and up to `mark` at least.
  let endIndex: UInt64?
  /// Entries up to here are known to be acknowledged.
  var mark: UInt64 = 0

  /// Reads the whole segment.
  ///
  /// - Parameter found: told each good frame and where it begins.
  func faults(
    _ found: (FrameHeader, UInt64) throws(CommitLogError) -> Void = { _, _ in }
  ) throws(CommitLogError) -> [SegmentFault] {
    var faults: [SegmentFault] = []
    var scan = try FrameScan(file, header)
    while true {
      let stop = try scan.run(before: endIndex ?? .max) {
        (header, position, _) throws(CommitLogError) in
        try found(header, position)
      }
      let isMissing = scan.nextIndex < endIndex ?? (max(mark, scan.commitMark) + 1)
      var fault = SegmentFault(
        file: file.path, position: scan.position, index: scan.nextIndex, offset: scan.nextOffset)
      guard case .flaw = stop, isMissing || endIndex == nil else {
        if isMissing { faults.append(fault) }
        return faults
      }
      guard try scan.skipFlaw() else {
        if isMissing { faults.append(fault) }
        return faults
      }
      fault.end = .init(position: scan.position, index: scan.nextIndex)
      faults.append(fault)
    }
  }

  /// Writes `frames` over the fault, as far as they are of it, and makes them durable. Nothing is written unless all fit.
  ///
  /// - Returns: how many were written; 0 where they do not fit.
  func mend(_ fault: SegmentFault, _ frames: StoredFrames) throws(CommitLogError) -> Int {
    guard let first = frames.headers.first, first.index == fault.index,
      first.baseOffset == fault.offset
    else { return 0 }
    var position = fault.position
    var places: [UInt64] = []
    for header in frames.headers {
      if let endIndex, header.index >= endIndex { break }
      let next = position + UInt64(header.frameBytes)
      if let end = fault.end {
        guard header.index < end.index else { break }
        guard header.index + 1 == end.index ? next == end.position : next < end.position else {
          return 0
        }
      }
      places.append(position)
      position = next
    }
    for (place, position) in places.enumerated() {
      try file.write(frames.frame(place, startsWrite: false), at: position)
    }
    try file.sync()
    return places.count
  }
}

extension StoredFrames {
  /// The bytes of the frame number `place`, marked as the first of a write or not.
  func frame(_ place: Int, startsWrite: Bool) -> [UInt8] {
    var header = headers[place]
    header.flags =
      startsWrite
      ? header.flags | FrameHeader.startsWriteFlag : header.flags & ~FrameHeader.startsWriteFlag
    var bytes = [UInt8](repeating: 0, count: FrameHeader.size)
    bytes.withUnsafeMutableBytes { buffer in
      if let base = buffer.baseAddress { header.write(to: base) }
    }
    return bytes + body(place)
  }
}

// MARK: - A log that is open

extension LogEngine {
  /// Reads the segment that is stored in `file` up to the last entry known to be acknowledged: what of it cannot be read.
  /// The header, where it is damaged, and entries of the index that lead elsewhere than to their frames are put right.
  package func faults(inFile file: String) throws(CommitLogError) -> [SegmentFault] {
    guard let (segment, mender) = mender(of: file) else { return [] }
    try mendHeader(of: segment)
    return try mender.faults { (header, position) in
      guard header.index < mender.endIndex ?? 0 else { return }
      let ordinal = Int(header.index - segment.firstIndex)
      let entry = IndexEntry(
        relativeOffset: UInt32(clamping: header.baseOffset - segment.baseOffset),
        position: position)
      if let old = segment.index[ordinal], old != entry { segment.index.correct(ordinal, entry) }
    }
  }

  private func mendHeader(of segment: Segment<D.File>) throws(CommitLogError) {
    let count = Int(min(try segment.store.size(), UInt64(SegmentHeader.size)))
    let good = segment.header.encoded
    guard try segment.store.readBytes(count, at: 0) != good else { return }
    try segment.store.write(good, at: 0)
    try segment.store.sync()
    options.note("\(segment.store.path): the header was damaged, and was written again")
  }

  /// As `SegmentMender.mend`.
  package func mend(_ fault: SegmentFault, _ frames: StoredFrames) throws(CommitLogError) -> Int {
    guard let (_, mender) = mender(of: fault.file) else { return 0 }
    return try mender.mend(fault, frames)
  }

  private func mender(of file: String) -> (Segment<D.File>, SegmentMender<D.File>)? {
    guard let segment = currentView.segments.first(where: { $0.store.path == file }) else {
      return nil
    }
    // What is not known to be acknowledged may be cut off, and other entries written, while it is looked at.
    let end = min(segment.nextIndex, tail.commitMark + 1)
    return (
      segment,
      SegmentMender(
        file: segment.store, header: segment.header, endIndex: max(segment.firstIndex, end))
    )
  }
}

extension CommitLog {
  /// The stores of the log, the oldest first, and their bytes.
  package var segmentFiles: [(path: String, bytes: UInt64)] {
    engine.currentView.segments.map { ($0.store.path, $0.end) }
  }

  /// Reads the whole segment that is stored in `file`; throws `corrupt` where an entry cannot be read.
  package func check(_ file: String) throws(CommitLogError) {
    guard let fault = try engine.faults(inFile: file).first else { return }
    throw .corrupt(
      file: file, position: fault.position, offset: fault.offset,
      what: "entry \(fault.index) cannot be read")
  }
}

// MARK: - A folder that cannot be opened

/// Mends the log of a data folder that is not open. Holds the folder's lock as long as it lives.
package final class FolderMender<D: Disk>: Sendable {
  private let disk: D
  private let folder: DataFolder
  private let lock: D.Lock
  package let identity: LogIdentity

  package init(_ path: String, disk: D) throws(CommitLogError) {
    self.disk = disk
    folder = DataFolder(path: path)
    lock = try disk.lock(folder.lockFile, folder: path)
    identity = try folder.readIdentity(disk)
  }

  /// Where the log's own files lie.
  private var logFolder: String { folder.logFolder(identity.logInstanceID) }

  private func menders() throws(CommitLogError) -> [SegmentMender<D.File>] {
    let meta = try MetaFile(
      reading: try disk.open(DataFolder.metaFile(in: logFolder)),
      logInstanceID: identity.logInstanceID, note: { _ in }
    ).current
    let stores = try Inspector.stores(disk, logFolder, identity, firstIndex: meta.firstIndex)
    var menders: [SegmentMender<D.File>] = []
    for (place, store) in stores.enumerated() where store.header.firstIndex >= meta.firstIndex {
      let next = place + 1 < stores.count ? stores[place + 1].header.firstIndex : nil
      var mender = SegmentMender(file: store.file, header: store.header, endIndex: next)
      mender.mark = meta.commitMark
      menders.append(mender)
    }
    return menders
  }

  /// What cannot be read of the log; reads all of it.
  package func faults() throws(CommitLogError) -> [SegmentFault] {
    var faults: [SegmentFault] = []
    for mender in try menders() { faults += try mender.faults() }
    return faults
  }

  /// As `SegmentMender.mend`.
  package func mend(_ fault: SegmentFault, _ frames: StoredFrames) throws(CommitLogError) -> Int {
    for mender in try menders() where mender.file.path == fault.file {
      return try mender.mend(fault, frames)
    }
    return 0
  }
}
