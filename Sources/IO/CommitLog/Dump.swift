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
    let (identity, logFolder) = try ids(folder, disk, skipped)
    let meta = try? MetaFile(
      reading: try disk.open(DataFolder.metaFile(in: logFolder)),
      logInstanceID: identity.logInstanceID, note: { _ in })
    let from = max(start ?? 0, meta?.current.startOffset ?? 0)
    let stores = try readableStores(disk, logFolder, identity, skipped)
    var expected = max(from, meta?.current.startOffset ?? 0)
    for (number, store) in stores.enumerated() {
      let isLast = number == stores.count - 1
      if store.header.baseOffset > expected {
        skipped("\(logFolder): offsets \(expected) to \(store.header.baseOffset) are missing")
      }
      expected = max(expected, isLast ? 0 : stores[number + 1].header.baseOffset)
      // Where the next one begins at or before `from`, nothing in this one is wanted.
      if !isLast, stores[number + 1].header.baseOffset <= from { continue }
      // What was closed properly has an end that is known.
      let end = meta.flatMap { $0.current.isClean ? $0.current.nextOffset : nil }
      guard
        try dump(
          store, end: isLast ? end : stores[number + 1].header.baseOffset, from: from, record,
          skipped: skipped)
      else { return }
    }
  }

  /// The ids, from a store where the file of them cannot be read.
  private static func ids(
    _ folder: DataFolder, _ disk: LinuxDisk, _ skipped: (String) -> Void
  ) throws -> (LogIdentity, logFolder: String) {
    do {
      let identity = try folder.readIdentity(disk)
      return (identity, folder.logFolder(identity.logInstanceID))
    } catch {
      let logs = try disk.names(in: folder.logsFolder).compactMap(UniqueID.init)
      guard logs.count == 1,
        let assumed = try SegmentHeader.ids(disk, in: folder.logFolder(logs[0]))
      else { throw error }
      skipped("\(error); the ids in the segments are used")
      return (assumed, folder.logFolder(logs[0]))
    }
  }

  private static func readableStores(
    _ disk: LinuxDisk, _ logFolder: String, _ identity: LogIdentity, _ skipped: (String) -> Void
  ) throws -> [Inspector<LinuxDisk>.Store] {
    var stores: [Inspector<LinuxDisk>.Store] = []
    for name in try Inspector.storeNames(disk, logFolder) {
      let path = logFolder + "/" + name + ".store"
      do {
        let file = try disk.open(path)
        let (header, _) = try SegmentHeader.find(
          file, name: name, identity: identity, after: stores.last.map { ($0.file, $0.header) },
          firstIndex: nil)
        if stores.contains(where: { $0.header.firstIndex == header.firstIndex }) {
          skipped("\(path) is a copy of another segment, and is left out")
          continue
        }
        stores.append(
          .init(name: name, file: file, header: header, size: try file.size()))
      } catch {
        skipped("\(error): the segment is left out")
      }
    }
    return stores.sorted { $0.header.firstIndex < $1.header.firstIndex }
  }

  private static func dump(
    _ store: Inspector<LinuxDisk>.Store, end: UInt64?, from: UInt64,
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
          guard let next = RecordFormat.read(body, &place) else {
            skipped(
              "\(store.file.path): the records of offsets \(header.offsets.lowerBound) to "
                + "\(header.offsets.upperBound) cannot be read from byte \(place) of their batch on"
            )
            return
          }
          guard next.offset >= from else { continue }
          do { goesOn = try record(next) } catch {
            failure = error
            goesOn = false
          }
        }
      }
      if let failure { throw failure }
      guard goesOn, case .flaw(let what) = stop else {
        if goesOn, let end, scan.nextOffset < end {
          skipped("\(store.file.path) ends at offset \(scan.nextOffset), not \(end)")
        }
        return goesOn
      }
      let place = (scan.position, scan.nextOffset)
      // An unfinished write at the very end is no loss.
      guard try scan.skipFlaw() else {
        if let end, place.1 < end {
          skipped(
            "\(store.file.path), byte \(place.0): \(what); offsets \(place.1) to \(end) are left out"
          )
        }
        return true
      }
      skipped(
        "\(store.file.path), byte \(place.0): \(what); offsets \(place.1) to "
          + "\(scan.nextOffset) are left out")
    }
  }
}
