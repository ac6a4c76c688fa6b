/// Makes a data folder of an image. Everything is written and synced in a folder beside the target, which then takes the
/// target's name in one step: whatever goes wrong, and wherever the power is cut, the target is as it was or complete.
struct Restore<D: Disk> {
  /// Frames are written, and synced, in groups of this size.
  private static var groupBytes: Int { 4 << 20 }

  let disk: D
  let target: String
  let options: CommitLog.Options
  let keepsClusterID: Bool

  /// Of this attempt alone: two at once do not meet, and nobody else's folder is ever removed.
  private let draft: String

  init(disk: D, target: String, options: CommitLog.Options, keepsClusterID: Bool) {
    self.disk = disk
    self.target = target
    self.options = options
    self.keepsClusterID = keepsClusterID
    draft = "\(target).restoring-\(UniqueID.random())"
  }

  func run(_ reader: inout SnapshotReader, _ source: SnapshotReader.Source) throws
    -> SnapshotSummary
  {
    try checkTarget()
    noteLeftovers()
    let summary: SnapshotSummary
    do {
      summary = try write(&reader, source)
      try disk.rename(draft, to: target)
    } catch {
      // The first error is the one to tell.
      try? removeDraft()
      throw error
    }
    try disk.syncFolder(parent)
    return summary
  }

  private var parent: String {
    let end = target.lastIndex(of: "/")
    guard let end else { return "." }
    return end == target.startIndex ? "/" : String(target[..<end])
  }

  /// What an attempt left that was killed takes space; whether it is one that still runs cannot be known.
  private func noteLeftovers() {
    let name = target[(target.lastIndex(of: "/").map(target.index(after:)) ?? target.startIndex)...]
    for other in (try? disk.names(in: parent)) ?? [] where other.hasPrefix(name + ".restoring-") {
      options.note(
        "\(parent)/\(other) is an unfinished restore: remove it, unless another one is running")
    }
  }

  private func checkTarget() throws(CommitLogError) {
    if let why = disk.reasonNotToReplace(target) {
      throw .notADataFolder(folder: target, why: why)
    }
    guard disk.exists(target) else { return }
    guard try disk.names(in: target).isEmpty else {
      throw .notADataFolder(
        folder: target, why: "it is not empty, and restoring never overwrites; name a new folder")
    }
  }

  private func write(
    _ reader: inout SnapshotReader, _ source: SnapshotReader.Source
  ) throws -> SnapshotSummary {
    let header = reader.header
    let identity = LogIdentity(
      clusterID: keepsClusterID ? header.clusterID : .random(), storageID: .random(),
      logInstanceID: .random())
    let engine = try LogEngine(
      draft, disk: disk, options: options, origin: LogOrigin(identity: identity, header))
    let batch = FrameBatch(capacity: Self.groupBytes)
    let summary = try reader.run(source) { header, bytes in
      batch.appendStored(header, bytes)
      if batch.bytes >= Self.groupBytes { try Restore.put(batch, to: engine) }
    }
    if !batch.isEmpty { try Restore.put(batch, to: engine) }
    if header.startOffset > header.baseOffset {
      try engine.truncatePrefix(before: header.startOffset)
    }
    try engine.close()
    return summary
  }

  private static func put(_ batch: FrameBatch, to engine: LogEngine<D>) throws(CommitLogError) {
    if let error = engine.write([batch]).error { throw error }
    batch.reset()
  }

  /// Removes what this attempt has written.
  private func removeDraft() throws(CommitLogError) {
    guard disk.exists(draft) else { return }
    let folder = DataFolder(path: draft)
    if disk.exists(folder.logsFolder) {
      for log in try disk.names(in: folder.logsFolder) {
        let path = folder.logsFolder + "/" + log
        for name in try disk.names(in: path) { try disk.remove(path + "/" + name) }
        try disk.removeFolder(path)
      }
      try disk.removeFolder(folder.logsFolder)
    }
    for name in try disk.names(in: draft) { try disk.remove(draft + "/" + name) }
    try disk.removeFolder(draft)
  }
}

/// Where a log begins that does not begin at 0.
struct LogOrigin {
  let identity: LogIdentity
  let meta: LogMeta

  init(identity: LogIdentity, _ header: SnapshotHeader) {
    self.identity = identity
    var meta = LogMeta()
    meta.startOffset = header.baseOffset
    meta.firstIndex = header.firstIndex
    meta.commitMark = header.firstIndex - 1
    meta.nextOffset = header.baseOffset
    meta.nextIndex = header.firstIndex
    meta.lastTerm = header.termBefore
    meta.lastSegment = header.firstIndex
    meta.storeEnd = UInt64(SegmentHeader.size)
    // Only where no frame follows: else the frames tell.
    if header.firstIndex == header.nextIndex {
      meta.lastLogTime = header.lastLogTime
      meta.maxTimestamp = header.maxTimestamp
    }
    self.meta = meta
  }
}

extension CommitLog {
  /// Makes the data folder `folder` of an image that `snapshot` wrote. Records keep their offsets.
  ///
  /// `folder` must not exist, or be empty. An image with a wrong bit, cut off, or with something behind its end is refused
  /// with `corrupt`, one of an unknown format with `unsupportedFormat`, and `folder` stays untouched.
  ///
  /// - Parameters:
  ///   - image: what the image is called in errors.
  ///   - folder: where the log is to be.
  ///   - options: as for `open`; they need not be those of the log that the image was taken of.
  ///   - keepsClusterID: the folder gets the id of the cluster that the image was taken in, not a new one. For a cluster that
  ///     is gone: two that live with one id would take each other's records for their own.
  ///   - source: fills the front of the buffer and returns how many bytes it gave, 0 at the end.
  @discardableResult
  public static func restore(
    _ image: String, into folder: String, options: Options = Options(),
    keepsClusterID: Bool = false,
    _ source: (_ buffer: UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> SnapshotSummary {
    try LogEngine.restore(
      image, into: folder, disk: LinuxDisk(), options: options, keepsClusterID: keepsClusterID,
      source)
  }

  /// Reads an image to its end as `restore` would, and writes nothing.
  ///
  /// - Parameters:
  ///   - image: what the image is called in errors.
  ///   - source: fills the front of the buffer and returns how many bytes it gave, 0 at the end.
  public static func inspect(
    _ image: String, _ source: (_ buffer: UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> SnapshotSummary {
    var reader = try SnapshotReader(image, source)
    return try reader.run(source) { _, _ in }
  }
}

extension LogEngine {
  /// See `CommitLog.restore`.
  package static func restore(
    _ image: String, into folder: String, disk: D, options: CommitLog.Options,
    keepsClusterID: Bool, _ source: (_ buffer: UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> SnapshotSummary {
    var reader = try SnapshotReader(image, source)
    let restore = Restore(
      disk: disk, target: folder.withoutTrailingSlashes, options: options.checked(),
      keepsClusterID: keepsClusterID)
    return try restore.run(&reader, source)
  }
}

extension String {
  var withoutTrailingSlashes: String {
    var text = self
    while text.count > 1, text.hasSuffix("/") { text.removeLast() }
    return text
  }
}
