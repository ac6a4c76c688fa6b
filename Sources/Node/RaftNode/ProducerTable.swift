import RaftAPI

/// What identifies a request of an idempotent producer: its id, the epoch of its present life, and the number of the
/// request's first record, counted from 0 in that epoch.
package struct ProducerStamp: Hashable, Sendable {
  package var id: UInt64
  package var epoch: UInt32
  package var sequence: UInt64

  package init(id: UInt64, epoch: UInt32, sequence: UInt64) {
    self.id = id
    self.epoch = epoch
    self.sequence = sequence
  }
}

/// What each producer has appended last: replicated state, a function of the log.
///
/// The leader judges with it what it appends (SEMANTICS section 3); applying an entry replays the same and never refuses.
package struct ProducerTable: Equatable, Sendable {
  /// A request that is in the log.
  package struct Appended: Equatable, Sendable {
    package var sequence: UInt64
    package var count: UInt64
    package var baseOffset: UInt64
    package var index: UInt64

    package init(sequence: UInt64, count: UInt64, baseOffset: UInt64, index: UInt64) {
      self.sequence = sequence
      self.count = count
      self.baseOffset = baseOffset
      self.index = index
    }
  }

  package struct Producer: Equatable, Sendable {
    /// Who obtained it: nobody else may use it.
    package var subject: String
    package var name: String
    package var epoch: UInt32
    /// The latest last.
    package var appended: [Appended] = []
    /// The entry it was last seen in.
    package var lastIndex: UInt64

    /// Takes note of a request in the entry at `index`, which may hold earlier ones.
    mutating func append(_ sequence: UInt64, count: UInt64, baseOffset: UInt64, index: UInt64) {
      lastIndex = index
      if let last = appended.last, last.index == index {
        appended[appended.count - 1].count += count
        return
      }
      appended.append(
        Appended(sequence: sequence, count: count, baseOffset: baseOffset, index: index))
      if appended.count > ProducerTable.remembered { appended.removeFirst() }
    }

    /// Entries behind `index`.
    func entries(after index: UInt64) -> Int {
      appended.reversed().prefix { $0.index > index }.count
    }

    package var nextSequence: UInt64 {
      appended.last.map { $0.sequence + $0.count } ?? 0
    }
  }

  /// What is to become of a request.
  package enum Verdict: Equatable, Sendable {
    case append
    /// It is in the log, from this offset on, in the entry `index`.
    case duplicate(offset: UInt64, index: UInt64)
    case refuse(ProducerRefusal)
  }

  /// Requests of a producer that are remembered.
  package static let remembered = 64
  /// Producers of all subjects; the one not seen for longest goes.
  package static let most = 100_000
  /// Producers of one subject.
  package static let mostOfSubject = 1_000

  package private(set) var producers: [UInt64: Producer] = [:]
  private var names: [NameKey: UInt64] = [:]
  private var subjects: [String: Int] = [:]

  private struct NameKey: Hashable, Sendable {
    var subject: String
    var name: String
  }

  package init() {}

  init(_ states: [ProducerState]) {
    for state in states {
      guard let entry = state.producer else { continue }
      begin(
        id: entry.id, epoch: entry.epoch, subject: entry.subject, name: entry.name,
        index: state.lastIndex)
      producers[entry.id]?.appended = state.appended.map {
        Appended(
          sequence: $0.sequence, count: $0.count, baseOffset: $0.baseOffset, index: $0.index)
      }
    }
  }

  /// In the order of the ids, so that the same table gives the same bytes.
  var states: [ProducerState] {
    producers.sorted { $0.key < $1.key }.map { id, producer in
      var state = ProducerState()
      state.producer = ProducerEntry(
        id: id, epoch: producer.epoch, subject: producer.subject, name: producer.name)
      state.lastIndex = producer.lastIndex
      state.appended = producer.appended.map { appended in
        var request = AppendedRequest()
        request.sequence = appended.sequence
        request.count = appended.count
        request.baseOffset = appended.baseOffset
        request.index = appended.index
        return request
      }
      return state
    }
  }

  /// What the entry at the log's end makes of a request of `count` records.
  package func judge(_ stamp: ProducerStamp, count: UInt64, subject: String) -> Verdict {
    Self.judge(stamp, count: count, subject: subject, of: producers[stamp.id])
  }

  static func judge(
    _ stamp: ProducerStamp, count: UInt64, subject: String, of producer: Producer?
  ) -> Verdict {
    guard let producer else { return .refuse(.unknown) }
    guard producer.subject == subject else { return .refuse(.notYours) }
    if stamp.epoch < producer.epoch {
      return .refuse(.fenced(epoch: producer.epoch))
    }
    guard stamp.epoch == producer.epoch else { return .refuse(.unknown) }
    let expected = producer.nextSequence
    if stamp.sequence == expected { return .append }
    if stamp.sequence > expected {
      return .refuse(.gap(expected: expected))
    }
    let holding = producer.appended.last { $0.sequence <= stamp.sequence }
    guard let holding, stamp.sequence + count <= holding.sequence + holding.count else {
      return .refuse(.tooOld)
    }
    return .duplicate(
      offset: holding.baseOffset + stamp.sequence - holding.sequence, index: holding.index)
  }

  /// Replays a data entry.
  package mutating func note(
    _ stamp: ProducerStamp, count: UInt64, baseOffset: UInt64, index: UInt64
  ) {
    producers[stamp.id]?.append(
      stamp.sequence, count: count, baseOffset: baseOffset, index: index)
  }

  /// The id and epoch that a producer of this name gets next.
  package func next(subject: String, name: String, index: UInt64) -> (id: UInt64, epoch: UInt32) {
    if !name.isEmpty, let id = names[NameKey(subject: subject, name: name)],
      let producer = producers[id]
    {
      return (id, producer.epoch + 1)
    }
    // An entry's index is never used twice, so neither is the id.
    return (index, 0)
  }

  /// Replays the entry that gave a producer its id or its new epoch.
  package mutating func begin(
    id: UInt64, epoch: UInt32, subject: String, name: String, index: UInt64
  ) {
    if producers[id] == nil { subjects[subject, default: 0] += 1 }
    producers[id] = Producer(subject: subject, name: name, epoch: epoch, lastIndex: index)
    if !name.isEmpty { names[NameKey(subject: subject, name: name)] = id }
    if subjects[subject, default: 0] > Self.mostOfSubject { evict { $0.subject == subject } }
    while producers.count > Self.most { evict { _ in true } }
  }

  /// By the log alone, so that all nodes evict the same.
  private mutating func evict(_ isCandidate: @escaping (Producer) -> Bool) {
    let oldest = producers.lazy.filter { isCandidate($0.value) }.min {
      ($0.value.lastIndex, $0.key) < ($1.value.lastIndex, $1.key)
    }
    guard let oldest else { return }
    producers[oldest.key] = nil
    subjects[oldest.value.subject, default: 1] -= 1
    guard !oldest.value.name.isEmpty else { return }
    names[NameKey(subject: oldest.value.subject, name: oldest.value.name)] = nil
  }
}

/// Why a producer's request is not appended.
package enum ProducerRefusal: Error, Equatable, Sendable {
  case unknown
  case notYours
  case fenced(epoch: UInt32)
  case gap(expected: UInt64)
  case tooOld
}
