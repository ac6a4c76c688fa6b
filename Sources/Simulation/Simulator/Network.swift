import ClusterModel
import RaftNode

/// A message on its way.
struct Parcel {
  var from: Int
  var to: Int
  /// What they are called.
  var sender: NodeID
  var receiver: NodeID
  var packet: Packet
}

/// The wires between nodes: each direction has its own delay, and fails on its own.
///
/// Messages are late, lost, doubled and overtake each other. The real transport keeps the order of one stream; a core that
/// needs no order needs none of that.
struct Network {
  /// One in so many messages is lost, or comes twice, or very late; 0 = none.
  var lossOneIn = 0
  var doubleOneIn = 0
  var lateOneIn = 0
  /// The same of answers alone.
  var lateAnswerOneIn = 0
  private var cut: [Bool]
  private let nodes: Int
  private var random: SeededRandom

  init(nodes: Int, random: SeededRandom) {
    self.nodes = nodes
    self.random = random
    cut = Array(repeating: false, count: nodes * nodes)
  }

  mutating func setCut(_ isCut: Bool, from: Int, to: Int) { cut[from * nodes + to] = isCut }

  /// Returns the pairs between which something was cut.
  mutating func heal() -> [(Int, Int)] {
    lossOneIn = 0
    doubleOneIn = 0
    lateOneIn = 0
    lateAnswerOneIn = 0
    var pairs: [(Int, Int)] = []
    for from in 0..<nodes {
      for to in 0..<from where isCut(from: from, to: to) || isCut(from: to, to: from) {
        pairs.append((from, to))
      }
    }
    for place in cut.indices { cut[place] = false }
    return pairs
  }

  func isCut(from: Int, to: Int) -> Bool { cut[from * nodes + to] }

  /// When the message arrives, in nanoseconds from now: once, twice, or never.
  mutating func delays(from: Int, to: Int, isAnswer: Bool) -> (first: UInt64?, second: UInt64?) {
    if isCut(from: from, to: to) { return (nil, nil) }
    if lossOneIn > 0, random.oneIn(lossOneIn) { return (nil, nil) }
    var first = delay()
    if isAnswer, lateAnswerOneIn > 0, random.oneIn(lateAnswerOneIn) {
      first += random.below(random.oneIn(3) ? 3_000_000_000 : 600_000_000 as UInt64)
    }
    guard doubleOneIn > 0, random.oneIn(doubleOneIn) else { return (first, nil) }
    return (first, delay() * 20)
  }

  private mutating func delay() -> UInt64 {
    // Mostly a fraction of a millisecond, at times a few, seldom seconds.
    let base = 50_000 + random.below(300_000 as UInt64)
    if lateOneIn > 0, random.oneIn(lateOneIn) {
      return base + random.below(3_000_000_000 as UInt64)
    }
    return random.oneIn(50) ? base + random.below(8_000_000 as UInt64) : base
  }
}
