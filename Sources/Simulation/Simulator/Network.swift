import ClusterModel
import RaftNode

/// A message on its way.
struct Parcel {
  var from: Int
  var to: Int
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
  private var cut: [Bool]
  private let nodes: Int
  private var random: SeededRandom

  init(nodes: Int, random: SeededRandom) {
    self.nodes = nodes
    self.random = random
    cut = Array(repeating: false, count: nodes * nodes)
  }

  mutating func setCut(_ isCut: Bool, from: Int, to: Int) { cut[from * nodes + to] = isCut }

  mutating func heal() {
    cut = Array(repeating: false, count: nodes * nodes)
    lossOneIn = 0
    doubleOneIn = 0
    lateOneIn = 0
  }

  func isCut(from: Int, to: Int) -> Bool { cut[from * nodes + to] }

  /// When the message arrives, in nanoseconds from now, as often as it does.
  mutating func delays(from: Int, to: Int) -> [UInt64] {
    if isCut(from: from, to: to) { return [] }
    if lossOneIn > 0, random.oneIn(lossOneIn) { return [] }
    var delays = [delay()]
    if doubleOneIn > 0, random.oneIn(doubleOneIn) { delays.append(delay() * 20) }
    return delays
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
