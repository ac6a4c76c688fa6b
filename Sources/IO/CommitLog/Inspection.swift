/// What is wrong with a data folder, one thing.
package struct Finding: Sendable, Equatable {
  /// What `repair` would do about it.
  package enum Remedy: Sendable, Equatable {
    /// Nothing is lost: the file is made anew from the store.
    case rebuildIndex
    /// Nothing is lost: the header of a store follows from its name, its frames and the store before.
    case rebuildHeader
    /// Nothing is lost: an unfinished write, cut at the next start as well.
    case cutTornTail
    /// Bytes behind a segment's last frame, all of whose entries are there: saved aside and cut; nothing is lost.
    case cutExtraBytes
    /// A file that does not belong here: saved aside; nothing is lost that has its own place.
    case moveAside
    /// The log ends before this: all from here on is saved aside.
    case cutLog(firstIndex: UInt64, lostFrom: UInt64)
    /// The records here cannot be read; all others can. Nothing is changed.
    case leave
    /// A file of ids or marks is made anew from the segments; the old one is saved aside.
    case remake
    /// Only a backup helps.
    case none
  }

  package var file: String
  package var position: UInt64
  /// The first record concerned.
  package var offset: UInt64
  package var what: String
  package var remedy: Remedy

  /// Whether acknowledged records are gone, or may be.
  package var isDamage: Bool {
    switch remedy {
    case .rebuildIndex, .rebuildHeader, .cutTornTail, .cutExtraBytes, .moveAside: false
    case .cutLog, .leave, .remake, .none: true
    }
  }
}

/// One segment as found.
package struct SegmentReport: Sendable, Equatable {
  package var name: String
  package var offsets: Range<UInt64>
  package var frames: Int
  package var bytes: UInt64
}

/// A data folder as found; nothing was changed.
package struct Inspection: Sendable {
  package var identity: LogIdentity?
  /// Offsets that are served when all is well.
  package var offsets: Range<UInt64> = 0..<0
  package var wasClosed = false
  /// Where the log begins by its marks, if they can be read.
  var firstIndex: UInt64?
  package var segments: [SegmentReport] = []
  package var findings: [Finding] = []
  package var isSound: Bool { findings.isEmpty }
}

/// Looks at every byte of a data folder: ids, marks, frames, records, indexes.
struct Inspector<D: Disk> {
  let disk: D
  let folder: DataFolder
  private var isReplicated = false
  private(set) var result = Inspection()
  /// Told of the bytes looked at so far and of all.
  let progress: (UInt64, UInt64) -> Void

  /// A store that can be read.
  struct Store {
    var name: String
    var file: D.File
    var header: SegmentHeader
    var size: UInt64
  }

  private var meta: LogMeta?
  private var stores: [Store] = []
  private var bytesDone: UInt64 = 0
  private var bytesInAll: UInt64 = 0

  init(
    _ disk: D, path: String, progress: @escaping (UInt64, UInt64) -> Void = { _, _ in }
  ) {
    self.disk = disk
    folder = DataFolder(path: path)
    self.progress = progress
  }

  /// Throws only where there is no data folder to look at, or it cannot be read.
  mutating func run() throws(CommitLogError) -> Inspection {
    guard disk.exists(folder.logsFolder) else {
      throw .notADataFolder(folder: folder.path, why: "there is no folder \"logs\" in it")
    }
    let identity = try findIdentity()
    result.identity = identity
    let logFolder = folder.logFolder(identity.logInstanceID)
    try readMeta(logFolder, identity)
    try findStores(logFolder, identity)
    try scanAll(logFolder)
    return result
  }

  private mutating func note(
    _ file: String, _ position: UInt64 = 0, _ offset: UInt64 = 0, _ what: String,
    _ remedy: Finding.Remedy
  ) {
    result.findings.append(
      Finding(file: file, position: position, offset: offset, what: what, remedy: remedy))
  }

  /// Notes damage; what only keeps this process from looking (no permission, a failing disk) is no finding.
  private mutating func note(
    _ error: CommitLogError, _ remedy: Finding.Remedy
  ) throws(CommitLogError) {
    switch error {
    case .corrupt(let file, let position, let offset, let what):
      note(file, position, offset, what, remedy)
    case .foreign(let file, _, _): note(file, 0, 0, "\(error)", .none)
    default: throw error
    }
  }

  // MARK: Ids and marks

  /// The ids of the identity file or, where that is damaged, those that the first store has.
  private mutating func findIdentity() throws(CommitLogError) -> LogIdentity {
    do throws(CommitLogError) {
      guard disk.exists(folder.identityFile) else {
        throw .corrupt(
          file: folder.identityFile, position: 0, offset: 0, what: "the file is missing")
      }
      return try folder.readIdentity(disk)
    } catch {
      guard case .corrupt = error else { throw error }
      let logs = try disk.names(in: folder.logsFolder).compactMap(UniqueID.init)
      guard logs.count == 1,
        let assumed = try SegmentHeader.ids(disk, in: folder.logFolder(logs[0]))
      else { throw error }
      try note(error, .remake)
      return assumed
    }
  }

  private mutating func readMeta(
    _ logFolder: String, _ identity: LogIdentity
  ) throws(CommitLogError) {
    let path = DataFolder.metaFile(in: logFolder)
    // Who has voted is no node of its own.
    isReplicated = disk.exists(logFolder + "/hardstate")
    var notes: [String] = []
    do throws(CommitLogError) {
      guard disk.exists(path) else {
        throw .corrupt(file: path, position: 0, offset: 0, what: "the file is missing")
      }
      let file = try MetaFile(
        reading: try disk.open(path), logInstanceID: identity.logInstanceID
      ) { notes.append($0) }
      meta = file.current
      result.firstIndex = file.current.firstIndex
      result.wasClosed = file.current.isClean
      for what in notes { note(path, 0, file.current.startOffset, what, .remake) }
      if let place = try MetaFile.strayByte(in: file.file) {
        note(path, place, file.current.startOffset, "a byte between the slots is not zero", .remake)
      }
    } catch {
      try note(error, .remake)
    }
  }

  // MARK: Stores

  private mutating func findStores(
    _ logFolder: String, _ identity: LogIdentity
  ) throws(CommitLogError) {
    for name in try Inspector.storeNames(disk, logFolder) {
      let path = logFolder + "/" + name + ".store"
      do throws(CommitLogError) {
        let file = try disk.open(path)
        let size = try file.size()
        let (header, flaw) = try SegmentHeader.find(
          file, name: name, identity: identity, after: stores.last.map { ($0.file, $0.header) },
          firstIndex: meta?.firstIndex)
        if let flaw { note(path, 0, header.baseOffset, flaw, .rebuildHeader) }
        let own = [false, true].map { shares in
          Segment<D.File>.name(
            baseOffset: header.baseOffset, firstIndex: header.firstIndex, sharesBase: shares)
        }
        guard own.contains(name) else {
          noteMisplaced(path, header, belongsTo: own[0], logFolder)
          continue
        }
        bytesInAll += size
        stores.append(
          Store(name: name, file: file, header: header, size: size))
      } catch {
        switch error {
        case .corrupt, .foreign: break
        default: throw error
        }
        // Named after its first offset: what stands before it is still good.
        let base = UInt64(name.prefix { $0 != "." }) ?? 0
        note(path, 0, base, Inspector.text(error), .none)
      }
    }
    stores.sort { $0.header.firstIndex < $1.header.firstIndex }
    // Retention was on its way to removing these.
    if let meta { stores.removeAll { $0.header.firstIndex < meta.firstIndex } }
    if let meta, let first = stores.first, first.header.firstIndex > meta.firstIndex {
      note(logFolder, 0, meta.startOffset, "the first segment is missing", .none)
    }
  }

  /// A copy beside its original goes; one whose own place is empty, or taken by another misplaced one, is for people to
  /// sort out.
  private mutating func noteMisplaced(
    _ path: String, _ header: SegmentHeader, belongsTo name: String, _ logFolder: String
  ) {
    let own = logFolder + "/" + name + ".store"
    let hasOwn =
      (try? disk.open(own).readBytes(SegmentHeader.size, at: 0)).flatMap {
        try? SegmentHeader(checking: $0, file: own, identity: result.identity)
      }?.firstIndex == header.firstIndex
    let what = "the header belongs to the file \(name).store"
    note(
      path, 0, header.baseOffset,
      hasOwn ? what : "\(what), which is missing or another one: rename the files by hand",
      hasOwn ? .moveAside : .none)
  }

  private static func text(_ error: CommitLogError) -> String {
    if case .corrupt(_, _, _, let what) = error { return what }
    return "\(error)"
  }

  private mutating func scanAll(_ logFolder: String) throws(CommitLogError) {
    guard let first = stores.first else {
      note(logFolder, 0, 0, "all segments are missing", .none)
      return
    }
    var expected = (index: first.header.firstIndex, offset: first.header.baseOffset)
    for (number, store) in stores.enumerated() {
      if store.header.firstIndex != expected.index || store.header.baseOffset != expected.offset {
        note(
          store.file.path, 0, expected.offset,
          "entry \(store.header.firstIndex) at offset \(store.header.baseOffset) begins here where "
            + "entry \(expected.index) at offset \(expected.offset) should",
          .cutLog(firstIndex: expected.index, lostFrom: expected.offset))
      }
      let isLast = number == stores.count - 1
      let scanned = try scan(store, before: isLast ? nil : stores[number + 1].header)
      expected = isLast ? expected : nextExpected(after: scanned, before: stores[number + 1].header)
      if isLast { finish(scanned) }
      bytesDone += store.size
      progress(bytesDone, bytesInAll)
    }
  }

  /// Where the next segment must begin. Damage was noted already; its absence is judged by what the next one says.
  private func nextExpected(
    after scanned: Scanned, before next: SegmentHeader
  ) -> (index: UInt64, offset: UInt64) {
    scanned.isWhole ? (scanned.nextIndex, scanned.nextOffset) : (next.firstIndex, next.baseOffset)
  }

  private struct Scanned {
    var entries: [UInt8] = []
    var frames = 0
    var nextIndex: UInt64
    var nextOffset: UInt64
    var isWhole = true
  }

  private mutating func finish(_ last: Scanned) {
    let start = max(meta?.startOffset ?? 0, stores[0].header.baseOffset)
    result.offsets = start..<max(start, last.nextOffset)
    guard let meta, last.isWhole, meta.commitMark >= last.nextIndex else { return }
    note(
      stores[stores.count - 1].file.path, stores[stores.count - 1].size, last.nextOffset,
      "the file ends here; entries up to \(meta.commitMark) were acknowledged",
      .cutLog(firstIndex: last.nextIndex, lostFrom: last.nextOffset))
  }

  /// All frames of one store, and the index beside it.
  private mutating func scan(
    _ store: Store, before next: SegmentHeader?
  ) throws(CommitLogError) -> Scanned {
    let isLast = next == nil
    var scan = try FrameScan(store.file, store.header)
    var scanned = Scanned(nextIndex: store.header.firstIndex, nextOffset: store.header.baseOffset)
    var bad: [Finding] = []
    while true {
      let stop = try scan.run { (header, position, body) in
        let relative = UInt32(clamping: header.baseOffset - store.header.baseOffset)
        scanned.entries += Inspector.entry(relative, position)
        scanned.frames += 1
        if let flaw = RecordFormat.flaw(of: header, body) {
          bad.append(
            Finding(
              file: store.file.path, position: position, offset: header.baseOffset, what: flaw,
              remedy: .leave))
        }
      }
      scanned.nextIndex = scan.nextIndex
      scanned.nextOffset = scan.nextOffset
      if let next, scan.position < store.size, scan.nextIndex == next.firstIndex,
        scan.nextOffset == next.baseOffset
      {
        note(
          store.file.path, scan.position, scan.nextOffset,
          "\(store.size - scan.position) bytes follow the segment's last entry", .cutExtraBytes)
        break
      }
      guard case .flaw(let what) = stop else { break }
      scanned.isWhole = false
      let place = (scan.position, scan.nextOffset, scan.nextIndex)
      if isLast, try isTorn(scan) {
        note(store.file.path, place.0, place.1, what, .cutTornTail)
        break
      }
      let goesOn = try scan.skipFlaw()
      let until = goesOn ? "the next good frame is entry \(scan.nextIndex)" : "nothing good follows"
      note(
        store.file.path, place.0, place.1, "\(what); \(until)",
        .cutLog(firstIndex: place.2, lostFrom: place.1))
      guard goesOn else { break }
    }
    result.findings += bad
    if scanned.isWhole { try checkIndex(store, scanned, isLast: isLast) }
    result.segments.append(
      SegmentReport(
        name: store.name, offsets: store.header.baseOffset..<scanned.nextOffset,
        frames: scanned.frames, bytes: store.size))
    return scanned
  }

  /// As `Recovery.checkTail` judges it.
  private func isTorn(_ scan: FrameScan<D.File>) throws(CommitLogError) -> Bool {
    // Without the marks it cannot be known what was acknowledged, nor whether the log was closed.
    guard let meta, !meta.isClean else { return false }
    let mark = max(meta.commitMark, scan.commitMark)
    guard mark < scan.nextIndex else { return false }
    return try scan.isFollowedByProof(isReplicated: isReplicated) == nil
  }

  // MARK: Indexes

  private static func entry(_ relativeOffset: UInt32, _ position: UInt64) -> [UInt8] {
    var entry = LittleEndianWriter()
    entry.add(relativeOffset)
    entry.add(position)
    return entry.bytes
  }

  private mutating func checkIndex(
    _ store: Store, _ scanned: Scanned, isLast: Bool
  ) throws(CommitLogError) {
    // Of a log that was not closed the last index is rebuilt in any case.
    guard !isLast || result.wasClosed else { return }
    let path = String(store.file.path.dropLast(6)) + ".index"
    func wrong(_ what: String, at position: UInt64 = 0) -> Finding {
      Finding(
        file: path, position: position, offset: store.header.baseOffset, what: what,
        remedy: .rebuildIndex)
    }
    guard disk.exists(path) else {
      result.findings.append(wrong("the index is missing"))
      return
    }
    let file = try disk.open(path)
    let size = try file.size()
    guard size == UInt64(scanned.entries.count) else {
      result.findings.append(
        wrong("the index has \(size) bytes, not \(scanned.entries.count)"))
      return
    }
    let bytes = try file.readBytes(scanned.entries.count, at: 0)
    guard let place = zip(bytes, scanned.entries).enumerated().first(where: { $1.0 != $1.1 })
    else { return }
    result.findings.append(
      wrong("an entry does not lead to its frame", at: UInt64(place.offset / 12 * 12)))
  }
}
