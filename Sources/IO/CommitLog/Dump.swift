extension CommitLog {
  /// Reads the records of the data folder `path` from `start` on as far as they can be read, without opening it: nothing is
  /// changed, and a server may have it open. `record` returns false to end; `skipped` is told what cannot be read.
  package static func dump(
    folder path: String, from start: UInt64?, _ record: (Record) throws -> Bool,
    skipped: (String) -> Void
  ) throws {
    let disk = LinuxDisk(readOnly: true)
    let folder = DataFolder(path: path)
    guard disk.exists(folder.logsFolder) else {
      throw CommitLogError.notADataFolder(folder: path, why: "there is no folder \"logs\" in it")
    }
    let identity = try folder.readIdentity(disk)
    let logFolder = folder.logFolder(identity.logInstanceID)
    let meta = try? MetaFile(
      reading: try disk.open(DataFolder.metaFile(in: logFolder)),
      logInstanceID: identity.logInstanceID, note: { _ in })
    let from = max(start ?? 0, meta?.current.startOffset ?? 0)
    let stores = try Inspector.stores(disk, logFolder, identity)
    for (number, store) in stores.enumerated() {
      let isLast = number == stores.count - 1
      // Where the next one begins at or before `from`, nothing in this one is wanted.
      if !isLast, stores[number + 1].header.baseOffset <= from { continue }
      guard try dump(store, isLast: isLast, from: from, record, skipped: skipped) else { return }
    }
  }

  private static func dump(
    _ store: Inspector<LinuxDisk>.Store, isLast: Bool, from: UInt64,
    _ record: (Record) throws -> Bool, skipped: (String) -> Void
  ) throws -> Bool {
    var scan = try FrameScan(store.file, store.header)
    var failure: (any Error)?
    var goesOn = true
    while true {
      let stop = try scan.run { (header, _, body) in
        guard goesOn, header.kind == .data, header.nextOffset > from else { return }
        var place = 0
        while goesOn, place < body.count {
          guard let next = RecordFormat.read(body, &place) else { return }
          guard next.offset >= from else { continue }
          do { goesOn = try record(next) } catch {
            failure = error
            goesOn = false
          }
        }
      }
      if let failure { throw failure }
      guard goesOn, case .flaw(let what) = stop else { return goesOn }
      let place = (scan.position, scan.nextOffset)
      // An unfinished write at the very end is no loss.
      guard try scan.skipFlaw() else {
        if !isLast { skipped("\(store.file.path), byte \(place.0), offset \(place.1): \(what)") }
        return true
      }
      skipped(
        "\(store.file.path), byte \(place.0): \(what); offsets \(place.1) to "
          + "\(scan.nextOffset) are left out")
    }
  }
}
