import CommitLog
import SimulatedDisk
import Testing

/// Damage is mended with the frames of a log that has the same entries.
@Suite struct MendingTests {
  private static let identity = LogIdentity(
    clusterID: UniqueID(high: 1, low: 1), storageID: UniqueID(high: 1, low: 2),
    logInstanceID: UniqueID(high: 1, low: 3))

  private func options() -> CommitLog.Options {
    var options = CommitLog.Options()
    options.segmentBytes = 4096
    options.indexBytes = 1200
    options.reserveStep = 4096
    options.newIdentity = { Self.identity }
    options.clock = { 1_000_000_000 }
    return options
  }

  private func filled(_ disk: SimulatedDisk) throws -> LogEngine<SimulatedDisk> {
    let engine = try LogEngine("/data", disk: disk, options: options())
    for number in 0..<60 {
      _ = try engine.append([
        Record(value: Array("value \(number)".utf8)), Record(value: [UInt8(number)]),
      ])
    }
    return engine
  }

  private func stores(_ disk: SimulatedDisk, _ folder: String) throws -> [String] {
    try disk.names(in: folder).filter { $0.hasSuffix(".store") }.map { folder + "/" + $0 }
  }

  private func records(_ engine: LogEngine<SimulatedDisk>) throws -> [[UInt8]] {
    try EngineReader(engine).read(from: 0, maxRecords: 1000, maxBytes: 1 << 20).map(\.value)
  }

  @Test(arguments: 0..<40)
  func `a flipped bit in an open log is found, and mended from another`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let good = try filled(SimulatedDisk())
    let disk = SimulatedDisk()
    let bad = try filled(disk)
    let file = try #require(try stores(disk, bad.folder).randomElement(using: &random))
    #expect(try bad.faults(inFile: file) == [])
    var bytes = disk.bytes(of: file)
    let used = (bytes.lastIndex { $0 != 0 } ?? 64) + 1
    let place = Int.random(in: 64..<used, using: &random)
    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    disk.setBytes(bytes, of: file)
    let faults = try bad.faults(inFile: file)
    #expect(faults.count == 1)
    let fault = try #require(faults.first)
    let end = fault.end?.index ?? fault.index + 1
    let frames = try good.frames(from: fault.index, through: end - 1, maxBytes: 1 << 20)
    #expect(try bad.mend(fault, frames) == 1)
    #expect(try bad.faults(inFile: file) == [])
    #expect(try records(bad) == records(good))
  }

  @Test func `frames that do not fit change nothing`() throws {
    let good = try LogEngine("/data", disk: SimulatedDisk(), options: options())
    for number in 0..<60 {
      _ = try good.append([
        Record(value: Array("longer value \(number)".utf8)), Record(value: [UInt8(number)]),
      ])
    }
    let disk = SimulatedDisk()
    let bad = try filled(disk)
    let file = try #require(try stores(disk, bad.folder).first)
    var bytes = disk.bytes(of: file)
    bytes[400] ^= 1
    disk.setBytes(bytes, of: file)
    let fault = try #require(try bad.faults(inFile: file).first)
    let frames = try good.frames(from: fault.index, through: fault.index, maxBytes: 1 << 20)
    #expect(try bad.mend(fault, frames) == 0)
    #expect(disk.bytes(of: file) == bytes)
    let other = try good.frames(from: fault.index + 1, through: fault.index + 1, maxBytes: 1 << 20)
    #expect(try bad.mend(fault, other) == 0)
    #expect(disk.bytes(of: file) == bytes)
  }

  @Test func `frames of which only the first fit change nothing`() throws {
    let disk = SimulatedDisk()
    let bad = try filled(disk)
    // The first entries are those of the log that is damaged, a later one is longer.
    let other = try LogEngine("/data", disk: SimulatedDisk(), options: options())
    for number in 0..<60 {
      let value = number < 3 ? "value \(number)" : "a longer value \(number)"
      _ = try other.append([
        Record(value: Array(value.utf8)), Record(value: [UInt8(number)]),
      ])
    }
    let file = try #require(try stores(disk, bad.folder).first)
    var bytes = disk.bytes(of: file)
    for place in 70..<700 { bytes[place] = 0 }
    disk.setBytes(bytes, of: file)
    let fault = try #require(try bad.faults(inFile: file).first)
    let end = try #require(fault.end?.index)
    #expect(fault.index == 1 && end > 4)
    let frames = try other.frames(from: 1, through: end - 1, maxBytes: 1 << 20)
    #expect(try bad.mend(fault, frames) == 0)
    #expect(disk.bytes(of: file) == bytes)
  }

  // MARK: Headers of segments

  /// Entries of terms that rise, in several segments.
  private func filledInTerms(_ disk: SimulatedDisk) throws -> LogEngine<SimulatedDisk> {
    let engine = try LogEngine("/data", disk: disk, options: options())
    for number in 0..<90 {
      let tail = engine.tail
      let batch = FrameBatch(capacity: 4096)
      batch.begin(
        kind: .data, index: tail.nextIndex, term: 3 + UInt64(number / 7),
        baseOffset: tail.nextOffset, logTime: 1, commitMark: tail.commitMark,
        maxTimestampSoFar: tail.maxTimestamp)
      batch.append(Record(value: Array("value \(number)".utf8)))
      batch.end()
      if let error = engine.write([batch]).error { throw error }
    }
    return engine
  }

  /// The log whole, and without its front.
  @Test(arguments: [0, 40] as [UInt64])
  func `a damaged header is made anew when opening`(start: UInt64) throws {
    let whole = SimulatedDisk()
    let engine = try filledInTerms(whole)
    if start > 0 { try engine.truncatePrefix(before: start) }
    try engine.close()
    let files = try stores(whole, engine.folder)
    #expect(files.count > (start == 0 ? 2 : 1))
    var random = SeededRandom(seed: 1)
    for file in files {
      let good = whole.bytes(of: file)
      for place in 0..<64 {
        for change in [1, 0x80, 0xFF] as [UInt8] {
          let disk = whole.afterPowerCut(.all, &random)
          var bytes = good
          bytes[place] ^= change
          disk.setBytes(bytes, of: file)
          let opened = try LogEngine("/data", disk: disk, options: options())
          #expect(disk.bytes(of: file) == good, "\(file), byte \(place)")
          let found = try EngineReader(opened).read(
            from: opened.offsets.lowerBound, maxRecords: 1000, maxBytes: 1 << 20)
          #expect(found.count == opened.offsets.count && found.last?.offset == 89)
        }
      }
      let disk = whole.afterPowerCut(.all, &random)
      disk.setBytes([UInt8](repeating: 0, count: 64) + good.dropFirst(64), of: file)
      if start > 0, file == files[0] {
        // The term of an entry that is gone is known to nobody here.
        let error = #expect(throws: CommitLogError.self) {
          try LogEngine("/data", disk: disk, options: options())
        }
        #expect("\(error as Any)".contains("empty data folder"))
      } else {
        _ = try LogEngine("/data", disk: disk, options: options())
        #expect(disk.bytes(of: file) == good)
      }
    }
  }

  @Test func `a damaged header of an open log is written again`() throws {
    let disk = SimulatedDisk()
    let engine = try filledInTerms(disk)
    for file in try stores(disk, engine.folder) {
      let good = disk.bytes(of: file)
      for place in 0..<64 {
        var bytes = good
        bytes[place] ^= 4
        disk.setBytes(bytes, of: file)
        #expect(try engine.faults(inFile: file) == [])
        #expect(disk.bytes(of: file) == good)
      }
    }
  }

  @Test func `a segment of zeros is mended, header and frames`() throws {
    let good = try filledInTerms(SimulatedDisk())
    let whole = SimulatedDisk()
    let engine = try filledInTerms(whole)
    engine.noteCommitted(90)
    try engine.close()
    var random = SeededRandom(seed: 2)
    for file in try stores(whole, engine.folder) {
      let disk = whole.afterPowerCut(.all, &random)
      disk.setBytes([UInt8](repeating: 0, count: whole.bytes(of: file).count), of: file)
      do {
        let mender = try FolderMender("/data", disk: disk)
        while let fault = try mender.faults().first {
          let frames = try good.frames(
            from: fault.index, through: fault.index + 4, maxBytes: 1 << 20)
          try #require(try mender.mend(fault, frames) > 0)
        }
      }
      let opened = try LogEngine("/data", disk: disk, options: options())
      #expect(try records(opened) == records(good))
    }
  }

  @Test func `a header whose frames say otherwise is not made anew`() throws {
    let whole = SimulatedDisk()
    try filledInTerms(whole).close()
    let files = try stores(whole, "/data/logs/\(Self.identity.logInstanceID)")
    var random = SeededRandom(seed: 3)
    let disk = whole.afterPowerCut(.all, &random)
    var bytes = whole.bytes(of: files[2])
    bytes[8] ^= 1
    disk.setBytes(bytes, of: files[1])
    #expect(throws: CommitLogError.self) {
      try LogEngine("/data", disk: disk, options: options())
    }
    #expect(disk.bytes(of: files[1]) == bytes)
  }

  @Test func `an index entry that leads elsewhere is put right`() throws {
    let disk = SimulatedDisk()
    let engine = try filled(disk)
    let file = try #require(try stores(disk, engine.folder).first)
    let index = String(file.dropLast(6)) + ".index"
    let good = disk.bytes(of: index)
    try engine.close()
    var bytes = good
    bytes[28] ^= 4
    disk.setBytes(bytes, of: index)
    var random = SeededRandom(seed: 1)
    let again = disk.afterPowerCut(.all, &random)
    let opened = try LogEngine("/data", disk: again, options: options())
    #expect(!again.bytes(of: index).prefix(good.count).elementsEqual(good))
    #expect(try opened.faults(inFile: file) == [])
    #expect(try records(opened).count == 120)
    #expect(again.bytes(of: index).prefix(good.count).elementsEqual(good))
  }

  @Test(arguments: 0..<40)
  func `a folder that cannot be opened is mended, a piece at a time`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let good = try filled(SimulatedDisk())
    let disk = SimulatedDisk()
    do {
      let engine = try filled(disk)
      engine.noteCommitted(60)
      try engine.close()
    }
    let file = try #require(
      try stores(disk, good.folder).max { disk.bytes(of: $0).count < disk.bytes(of: $1).count })
    var bytes = disk.bytes(of: file)
    let place = Int.random(in: 64..<bytes.count, using: &random)
    let end = min(bytes.count, place + 600)
    bytes.replaceSubrange(place..<end, with: [UInt8](repeating: 0, count: end - place))
    disk.setBytes(bytes, of: file)
    let broken = disk.afterPowerCut(.all, &random)
    do {
      let mender = try FolderMender("/data", disk: broken)
      var count = 0
      while let fault = try mender.faults().first {
        count += 1
        try #require(count < 20)
        let frames = try good.frames(from: fault.index, through: fault.index + 1, maxBytes: 1 << 20)
        #expect(try mender.mend(fault, frames) > 0)
      }
      #expect(count > 0)
    }
    let opened = try LogEngine("/data", disk: broken, options: options())
    #expect(try records(opened) == records(good))
  }
}
