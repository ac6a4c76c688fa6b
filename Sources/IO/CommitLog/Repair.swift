/// Makes a damaged data folder one that can be opened, at the price that `Inspection` told. What is removed is saved aside
/// first, durably, in a folder of its own within the data folder.
struct Repair<D: Disk> {
  let disk: D
  let folder: DataFolder
  let inspection: Inspection
  /// Where removed bytes go.
  let saved: String

  /// What was done, in sentences. `beforeOpening` is called when the log itself is about to be opened.
  func run(
    _ options: CommitLog.Options, beforeOpening: () -> Void = {}
  ) throws(CommitLogError) -> [String] {
    guard let identity = inspection.identity else { return [] }
    if let hopeless = inspection.findings.first(where: { $0.remedy == .none }) {
      throw .corrupt(
        file: hopeless.file, position: hopeless.position, offset: hopeless.offset,
        what: "\(hopeless.what); this cannot be repaired, restore from a backup")
    }
    try disk.makeFolder(saved)
    var done: [String] = []
    let logFolder = folder.logFolder(identity.logInstanceID)
    for finding in inspection.findings where finding.remedy == .rebuildIndex {
      if disk.exists(finding.file) { try moveAside(finding.file) }
      done.append("\(finding.file) is made anew from its store")
    }
    for finding in inspection.findings where finding.remedy == .moveAside {
      try moveAside(finding.file)
      done.append("\(finding.file) is saved in \(saved)")
    }
    for finding in inspection.findings where finding.remedy == .rebuildHeader {
      done.append("the header of \(finding.file) is made anew")
    }
    if inspection.findings.contains(where: { $0.file == folder.identityFile }) {
      // The old one is there until the new one takes its place.
      try saveCopy(folder.identityFile)
      try folder.writeIdentity(identity, disk)
      done.append("\(folder.identityFile) is made anew from the ids in the segments")
    }
    done += try cutEnds()
    done += try cut(logFolder, identity)
    try disk.syncFolder(logFolder)
    beforeOpening()
    // Opening does the rest: torn tails, indexes. Closing leaves nothing in doubt.
    try LogEngine(folder.path, disk: disk, options: options).close()
    return done
  }

  /// Saves what opening would cut as a torn write, and cuts what follows a segment's last entry.
  private func cutEnds() throws(CommitLogError) -> [String] {
    var done: [String] = []
    for finding in inspection.findings {
      guard finding.remedy == .cutTornTail || finding.remedy == .cutExtraBytes else { continue }
      let file = try disk.open(finding.file)
      try saveTail(file, from: finding.position)
      if finding.remedy == .cutExtraBytes {
        try file.truncate(to: finding.position)
        try file.sync()
      }
      done.append(
        "\(finding.file) ends at byte \(finding.position); what followed is saved in \(saved)")
    }
    return done
  }

  /// Cuts the log before the first damage that would keep it from opening, and writes the marks of what is left.
  private func cut(
    _ logFolder: String, _ identity: LogIdentity
  ) throws(CommitLogError) -> [String] {
    var first: (finding: Finding, index: UInt64, offset: UInt64)?
    for finding in inspection.findings {
      guard case .cutLog(let index, let offset) = finding.remedy else { continue }
      if first.map({ index < $0.index }) ?? true { first = (finding, index, offset) }
    }
    let metaIsBad = inspection.findings.contains { $0.file == DataFolder.metaFile(in: logFolder) }
    guard first != nil || metaIsBad else { return [] }
    var done: [String] = []
    var stores = try Inspector.stores(
      disk, logFolder, identity, firstIndex: inspection.firstIndex)
    if let first {
      while let last = stores.last, stores.count > 1, last.header.firstIndex >= first.index {
        try moveAside(last.file.path)
        let index = String(last.file.path.dropLast(6)) + ".index"
        if disk.exists(index) { try moveAside(index) }
        stores.removeLast()
        done.append("\(last.file.path) is saved in \(saved)")
      }
      if let last = stores.last, last.file.path == first.finding.file {
        try saveTail(last.file, from: first.finding.position)
        try removeTail(last, from: first.finding.position)
        done.append(
          "\(last.file.path) ends at byte \(first.finding.position); the rest is saved in \(saved)")
      }
      done.append("the log ends before offset \(first.offset)")
    }
    try remakeMeta(logFolder, identity, stores, end: first?.index)
    done.append("the marks are made anew")
    return done
  }

  private func saveTail(_ file: D.File, from position: UInt64) throws(CommitLogError) {
    try copy(file, from: position, to: "\(saved)/\(name(file.path)).from-\(position)")
  }

  private func saveCopy(_ path: String) throws(CommitLogError) {
    guard disk.exists(path) else { return }
    try copy(try disk.open(path), from: 0, to: "\(saved)/\(name(path))")
  }

  private func copy(
    _ file: D.File, from position: UInt64, to path: String
  ) throws(CommitLogError) {
    let copy = try disk.create(path)
    let size = try file.size()
    var place = position
    while place < size {
      let count = Int(min(size - place, 1 << 20))
      try copy.write(try file.readBytes(count, at: place), at: place - position)
      place += UInt64(count)
    }
    try copy.sync()
    try disk.syncFolder(saved)
  }

  private func removeTail(
    _ store: Inspector<D>.Store, from position: UInt64
  ) throws(CommitLogError) {
    try store.file.truncate(to: max(position, UInt64(SegmentHeader.size)))
    try store.file.sync()
    let index = String(store.file.path.dropLast(6)) + ".index"
    if disk.exists(index) { try moveAside(index) }
  }

  /// Marks that vouch for no more than what is left: `end` is the entry behind it, where it was cut.
  private func remakeMeta(
    _ logFolder: String, _ identity: LogIdentity, _ stores: [Inspector<D>.Store], end: UInt64?
  ) throws(CommitLogError) {
    let path = DataFolder.metaFile(in: logFolder)
    var meta = LogMeta()
    if disk.exists(path) {
      let old = try? MetaFile(
        reading: try disk.open(path), logInstanceID: identity.logInstanceID, note: { _ in })
      if let old { meta = old.current }
      try saveCopy(path)
    }
    meta.isClean = false
    if let first = stores.first {
      meta.firstIndex = first.header.firstIndex
      meta.startOffset = max(meta.startOffset, first.header.baseOffset)
    }
    if let end {
      meta.commitMark = min(meta.commitMark, end - 1)
      meta.startOffset = min(meta.startOffset, offset(behind: end))
    }
    _ = try MetaFile(
      creating: try disk.create(path + ".new", named: path),
      logInstanceID: identity.logInstanceID, meta)
    try disk.rename(path + ".new", to: path)
  }

  private func offset(behind end: UInt64) -> UInt64 {
    for finding in inspection.findings {
      if case .cutLog(end, let offset) = finding.remedy { return offset }
    }
    return 0
  }

  private func moveAside(_ path: String) throws(CommitLogError) {
    try disk.rename(path, to: "\(saved)/\(name(path))")
    try disk.syncFolder(saved)
  }

  private func name(_ path: String) -> String {
    String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
  }
}

extension Inspector {
  /// The stores of a log in order. Nothing is written: headers that are damaged are given as they were.
  ///
  /// - Parameter firstIndex: where the log begins by its marks.
  static func stores(
    _ disk: D, _ logFolder: String, _ identity: LogIdentity, firstIndex: UInt64?
  ) throws(CommitLogError) -> [Store] {
    var stores: [Store] = []
    for name in try storeNames(disk, logFolder) {
      let file = try disk.open(logFolder + "/" + name + ".store")
      let (header, _) = try SegmentHeader.find(
        file, name: name, identity: identity, after: stores.last.map { ($0.file, $0.header) },
        firstIndex: firstIndex)
      stores.append(Store(name: name, file: file, header: header, size: try file.size()))
    }
    return stores.sorted { $0.header.firstIndex < $1.header.firstIndex }
  }

  /// The names of the stores, without their extension, in the log's order.
  static func storeNames(_ disk: D, _ logFolder: String) throws(CommitLogError) -> [String] {
    try disk.names(in: logFolder).filter { $0.hasSuffix(".store") }.map { String($0.dropLast(6)) }
      .sorted(by: Segment<D.File>.precedes)
  }
}

extension CommitLog {
  /// Looks at every byte of the data folder `path` and changes nothing. Needs the folder for itself, as opening does.
  package static func inspect(
    folder path: String, progress: @escaping (_ done: UInt64, _ all: UInt64) -> Void = { _, _ in }
  ) throws(CommitLogError) -> Inspection {
    let disk = LinuxDisk(readOnly: true)
    guard disk.exists(DataFolder(path: path).logsFolder) else {
      throw .notADataFolder(folder: path, why: "there is no folder \"logs\" in it")
    }
    let lock = try disk.lock(DataFolder(path: path).lockFile, folder: path)
    defer { withExtendedLifetime(lock) {} }
    var inspector = Inspector(disk, path: path, progress: progress)
    return try inspector.run()
  }

  /// Does what `inspection` says; removed bytes are then in a new folder whose name begins with `saved`. What was done, in
  /// sentences. Refuses a folder that is in use, or that has changed since it was looked at.
  package static func repair(
    folder path: String, _ inspection: Inspection, saved: String, options: Options = Options()
  ) throws(CommitLogError) -> [String] {
    let folder = DataFolder(path: path)
    let disk = LinuxDisk()
    var lock: LinuxFile? = try disk.lock(folder.lockFile, folder: path)
    // While somebody thought about it, a server may have run.
    var inspector = Inspector(disk, path: path)
    guard try inspector.run().findings == inspection.findings else {
      throw .notADataFolder(
        folder: path, why: "it has changed since it was looked at; nothing was repaired, look again"
      )
    }
    var (own, number) = (saved, 1)
    while disk.exists(own) {
      number += 1
      own = "\(saved)-\(number)"
    }
    let repair = Repair(disk: disk, folder: folder, inspection: inspection, saved: own)
    let done = try repair.run(options.checked()) { lock = nil }
    withExtendedLifetime(lock) {}
    return done
  }
}
