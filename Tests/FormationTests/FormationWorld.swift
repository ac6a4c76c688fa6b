import ClusterModel
import Formation
import RaftAPI

/// Servers that look for each other, in one thread: what each has made durable, crashes between any two steps, lost answers.
struct FormationWorld {
  struct Server {
    let name: String
    let address: String
    // Durable.
    var storage: NodeID
    var accepted: Founding?
    var former: [Founding] = []
    var formed: Founding?
    /// Whether it was one of the founders.
    var hasFounded = false
    // Of this life; nil while it is down.
    var core: ClusterFormation?
  }

  var servers: [Server]
  /// Seeds by the place of the server at that address.
  let seeds: [Int]
  let expected: Int
  var random: SeededRandom
  var now = Instant(nanoseconds: 1_000_000_000)
  private var lastID: UInt64 = 1000
  /// Clusters in which somebody has begun.
  private(set) var clusters: Set<String> = []

  init(_ names: [String], seeds: [Int], expected: Int, seed: UInt64) {
    self.seeds = seeds
    self.expected = expected
    random = SeededRandom(seed: seed)
    servers = names.enumerated().map { place, name in
      Server(name: name, address: "host\(place):8400", storage: NodeID(low: 1 + UInt64(place)))
    }
  }

  private func own(_ place: Int) -> MemberEntry {
    let server = servers[place]
    return MemberEntry(
      server.storage, name: server.name, address: server.address, isLearner: false)
  }

  mutating func start(_ place: Int) {
    guard servers[place].core == nil, servers[place].formed == nil else { return }
    servers[place].core = ClusterFormation(
      own(place), expected: expected, seeds: seeds.count, accepted: servers[place].accepted,
      former: servers[place].former)
  }

  mutating func crash(_ place: Int) { servers[place].core = nil }

  /// What the server at `place` says to who asks; nil while it is down.
  private mutating func answer(_ place: Int, to question: Introduction) -> Introduction? {
    if let formed = servers[place].formed {
      let founding = Founding(clusterID: formed.clusterID, logID: formed.logID)
      return Introduction(
        own(place), founding: founding, isFormed: true, former: servers[place].former)
    }
    servers[place].core?.heard(question, at: now)
    return servers[place].core?.introduction
  }

  /// Asks one of the seeds or of those it has agreed with.
  mutating func ask(_ place: Int, loss: Bool) {
    guard let question = servers[place].core?.introduction else { return }
    var targets = seeds.enumerated().map { (seed: Int?.some($0.offset), place: $0.element) }
    for member in question.founding?.members ?? [] {
      if let at = servers.firstIndex(where: { $0.address == member.address }) {
        targets.append((nil, at))
      }
    }
    let target = targets[random.below(targets.count)]
    if loss, random.oneIn(4) { return }
    guard let answer = answer(target.place, to: question) else { return }
    if loss, random.oneIn(4) { return }
    servers[place].core?.heard(answer, atSeed: target.seed, at: now)
  }

  /// Does what there is to do; `crashes`: the server may go down before and after each write.
  mutating func step(_ place: Int, crashes: Bool) {
    guard let core = servers[place].core else { return }
    var ids = lastID
    let step = core.next(at: now) {
      ids += 1
      return ("cluster\(ids)", "log\(ids)", 7)
    }
    lastID = ids
    guard let step else { return }
    if crashes, random.oneIn(5) { return crash(place) }
    switch step {
    case .accept(let founding): servers[place].accepted = founding
    case .found(let founding):
      servers[place].formed = founding
      servers[place].hasFounded = true
      clusters.insert(founding.clusterID)
    case .join(let founding): servers[place].formed = founding
    case .startAnew:
      if var old = servers[place].accepted {
        old.members = [own(place)]
        servers[place].former.append(old)
      }
      lastID += 1
      servers[place].storage = NodeID(low: lastID)
      servers[place].accepted = nil
    }
    if servers[place].formed != nil { return crash(place) }
    if crashes, random.oneIn(5) { return crash(place) }
    if case .accept(let founding) = step {
      servers[place].core?.accepted(founding)
    } else {
      crash(place)
      start(place)
    }
  }

  /// Many turns of all; with faults servers go and come.
  mutating func run(turns: Int, faults: Bool) {
    for _ in 0..<turns {
      now = now + 10_000_000
      let place = random.below(servers.count)
      if faults, random.oneIn(15) { crash(place) }
      if !faults || random.oneIn(3) { start(place) }
      ask(place, loss: faults)
      step(place, crashes: faults)
    }
  }
}
