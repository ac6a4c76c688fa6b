/// Makes the damaged header of a store anew: all that it says follows from the file's name, the log's ids, the segment
/// before and the frames behind it.
struct HeaderRebuild<File: DiskFile> {
  private let file: File
  private let identity: LogIdentity
  private let baseOffset: UInt64
  /// By the name, which has it where two segments have one base offset.
  private let namedIndex: UInt64?
  /// What stands where the header should, with zeros where the file ends.
  private let stored: [UInt8]

  /// - Parameter name: the file's without its extension; nil is returned where no segment is called so.
  init?(_ file: File, name: String, identity: LogIdentity) throws(CommitLogError) {
    guard let numbers = Segment<File>.numbers(of: name) else { return nil }
    self.file = file
    self.identity = identity
    baseOffset = numbers.baseOffset
    namedIndex = numbers.firstIndex
    let count = Int(min(try file.size(), UInt64(SegmentHeader.size)))
    let bytes = try file.readBytes(count, at: 0)
    stored = bytes + [UInt8](repeating: 0, count: SegmentHeader.size - count)
  }

  /// The header; nil where what is known leaves a choice, or does not agree.
  ///
  /// - Parameters:
  ///   - previous: the segment before; nil for the log's first.
  ///   - firstIndex: where the log begins by its marks.
  func run(
    after previous: (file: File, header: SegmentHeader)?, firstIndex: UInt64?
  ) throws(CommitLogError) -> SegmentHeader? {
    let before = try previous.flatMap { (previous) throws(CommitLogError) in
      try end(of: previous.file, previous.header)
    }
    let first = try firstFrame()
    let start =
      namedIndex ?? first?.index ?? before?.nextIndex ?? (previous == nil ? firstIndex : nil)
    guard let start, start >= 1, start < CountLimit.end else { return nil }
    var header = SegmentHeader(
      identity: identity, baseOffset: baseOffset, firstIndex: start, termBefore: 0)
    if let before {
      guard before.nextIndex == start, before.nextOffset == baseOffset else { return nil }
      header.termBefore = before.term
    } else if let term = termByWhatIsLeft(of: header, first) {
      header = term
    } else {
      return nil
    }
    if let first {
      guard first.index == start, first.baseOffset == baseOffset, first.term >= header.termBefore
      else { return nil }
    }
    return header
  }

  private struct End {
    var nextIndex: UInt64
    var nextOffset: UInt64
    var term: UInt64
  }

  /// Where the segment before ends; nil where its last frame cannot be read.
  private func end(of file: File, _ header: SegmentHeader) throws(CommitLogError) -> End? {
    var scan = try FrameScan(file, header)
    // Frames before the last may be damaged.
    while case .flaw = try scan.run(before: .max, { (_, _, _) in }) {
      guard try scan.skipFlaw() else { return nil }
    }
    guard try scan.position == file.size() else { return nil }
    return End(
      nextIndex: scan.nextIndex, nextOffset: scan.nextOffset,
      term: scan.last?.term ?? header.termBefore)
  }

  private func firstFrame() throws(CommitLogError) -> FrameHeader? {
    let start = UInt64(SegmentHeader.size)
    guard try file.size() >= start + UInt64(FrameHeader.size) else { return nil }
    let bytes = try file.readBytes(FrameHeader.size, at: start)
    return bytes.withUnsafeBytes { buffer in
      buffer.baseAddress.flatMap { try? FrameHeader(checking: $0) }
    }
  }

  // MARK: Where no frame tells the term before

  /// Higher terms than this are not tried.
  private static var maxTried: UInt64 { 10_000 }

  /// The header with the term of the entry before: none before the first entry; else one that the checksum that is stored
  /// vouches for, or the term that is stored where all else is as it should be, so that only the checksum is damaged.
  private func termByWhatIsLeft(of header: SegmentHeader, _ first: FrameHeader?) -> SegmentHeader? {
    var header = header
    if header.firstIndex == 1 { return header }
    var reader = LittleEndianReader(stored[8...])
    let cluster = reader.id()
    let log = reader.id()
    let place: (offset: UInt64, index: UInt64) = (reader.number(), reader.number())
    let storedTerm: UInt64 = reader.number()
    let isElseRight = log == header.logInstanceID && place == (header.baseOffset, header.firstIndex)
    let isPossible = storedTerm >= 1 && storedTerm <= min(first?.term ?? .max, CountLimit.end - 1)
    let highest = min(first?.term ?? 0, Self.maxTried)
    // An older one than the log's, where the cluster was given another.
    for cluster in [identity.clusterID, cluster] {
      header.clusterID = cluster
      for term in (isPossible ? [storedTerm] : []) + (highest >= 1 ? Array(1...highest) : []) {
        header.termBefore = term
        if header.encoded[4..<8] == stored[4..<8] { return header }
      }
    }
    header.clusterID = identity.clusterID
    header.termBefore = storedTerm
    if isElseRight, isPossible { return header }
    header.termBefore = 1
    return first?.term == 1 ? header : nil
  }
}

extension SegmentHeader {
  /// The header of the store `file` as it is or, where it is damaged, as it was.
  ///
  /// - Parameters:
  ///   - name: the file's without its extension.
  ///   - previous: the segment before; nil for the log's first.
  ///   - firstIndex: where the log begins by its marks.
  /// - Returns: `flaw` is what is wrong with the one that is stored, nil where nothing is.
  /// - Throws: that flaw, where what is left does not tell how it was.
  static func find<File: DiskFile>(
    _ file: File, name: String, identity: LogIdentity,
    after previous: (file: File, header: SegmentHeader)?, firstIndex: UInt64?
  ) throws(CommitLogError) -> (header: SegmentHeader, flaw: String?) {
    let bytes = try file.readBytes(Int(min(try file.size(), UInt64(size))), at: 0)
    do throws(CommitLogError) {
      return (try SegmentHeader(checking: bytes, file: file.path, identity: identity), nil)
    } catch {
      guard case .corrupt(let path, let position, _, let what) = error else { throw error }
      let rebuild = try HeaderRebuild(file, name: name, identity: identity)
      if let header = try rebuild?.run(after: previous, firstIndex: firstIndex) {
        return (header, what)
      }
      throw .corrupt(
        file: path, position: position, offset: Segment<File>.numbers(of: name)?.baseOffset ?? 0,
        what: "\(what), and the files beside it do not tell how it was; \(CommitLogError.remedy)")
    }
  }
}
