package import ClusterModel
package import RaftAPI

/// How servers that are in no cluster yet form one, or find the one that there is: a value that is told what others say and
/// says what to do. No clock, no disk, no network, no randomness of its own.
///
/// Each server tells others who it is (its name, its data folder's id, its address) and what it has agreed to. The one with
/// the lowest name among those that agreed to nothing proposes the first members; whoever finds itself in a proposal
/// agrees to it. When all have agreed the cluster exists, and any of them may begin.
///
/// There are never two: a data folder agrees to one proposal in its life and makes that durable before it tells of it, a
/// proposal counts only when all its members have agreed, and each of them agrees only to one that holds a majority of
/// its seeds. A proposal of which a member has agreed to another one can never count; who is bound by it starts anew, with
/// another data folder's id, so that the old one's word stays given.
package struct ClusterFormation: Sendable {
  /// What to do now.
  package enum Step: Equatable, Sendable {
    /// Make it durable, then call `accepted`.
    case accept(Founding)
    /// All have agreed: the cluster exists.
    case found(Founding)
    /// There is a cluster; to become a member of it is for its leader to decide.
    case join(Founding)
    /// Forget what was agreed to: it can never come about. The next life of this data folder has another id.
    case startAnew(because: String)
  }

  /// Servers not heard from for so long are not counted on, in nanoseconds.
  private static let memory: UInt64 = 3_000_000_000

  package let own: MemberEntry
  /// How many first members a cluster is to have; 0: none is formed, only joined.
  package let expected: Int
  private let seeds: Int
  private var accepted: Founding?
  private let former: [Founding]
  private var heard: [Heard] = []
  /// Who holds each seed's address.
  private var holders: [Int: NodeID] = [:]
  /// What data folders have agreed to; once said it stays true.
  private var agreed: [NodeID: String] = [:]

  private struct Heard: Sendable {
    var member: MemberEntry
    var founding: Founding?
    var isFormed: Bool
    var at: Instant
  }

  /// - Parameters:
  ///   - seeds: how many addresses were given to look at.
  ///   - accepted: what this data folder has agreed to.
  ///   - former: what it agreed to under ids that it had before.
  package init(
    _ own: MemberEntry, expected: Int, seeds: Int, accepted: Founding? = nil,
    former: [Founding] = []
  ) {
    self.own = own
    self.expected = expected
    self.seeds = seeds
    self.accepted = accepted
    self.former = former
  }

  /// What to tell others.
  package var introduction: Introduction {
    Introduction(own, founding: accepted, former: former)
  }

  /// The proposal is durable.
  package mutating func accepted(_ founding: Founding) {
    precondition(accepted == nil, "agreed to a second proposal")
    accepted = founding
  }

  /// Takes note of what another server says.
  ///
  /// - Parameter seed: the place of the seed at whose address it was found, if it was found there.
  package mutating func heard(
    _ introduction: Introduction, atSeed seed: Int? = nil, at now: Instant
  ) {
    guard let member = introduction.sender else { return }
    if let seed { holders[seed] = member.id }
    if let founding = introduction.founding, agreed[member.id] == nil || introduction.isFormed {
      agreed[member.id] = founding.clusterID
    }
    for founding in introduction.former {
      for life in founding.members where agreed[life.id] == nil {
        agreed[life.id] = founding.clusterID
      }
    }
    guard member.id != own.id else { return }
    // Of two lives at one address the later counts.
    heard.removeAll { $0.member.id == member.id || $0.member.address == member.address }
    heard.append(
      Heard(
        member: member, founding: introduction.founding, isFormed: introduction.isFormed, at: now))
  }

  /// The next step; nil: wait to hear more.
  ///
  /// - Parameter mint: makes the ids of a cluster and its log.
  package func next(
    at now: Instant, mint: () -> (clusterID: String, logID: String, time: UInt64)
  ) -> Step? {
    let present = present(at: now)
    if let accepted { return step(boundBy: accepted) }
    if let formed = formed(present) { return .join(formed) }
    guard expected > 0 else { return nil }
    let offers = present.compactMap(\.founding).filter { accepts($0) }
    if let offer = offers.min(by: { $0.clusterID < $1.clusterID }) { return .accept(offer) }
    guard let members = proposal(present) else { return nil }
    let ids = mint()
    return .accept(
      Founding(clusterID: ids.clusterID, logID: ids.logID, time: ids.time, members: members))
  }

  /// Why nothing happens, for an operator.
  package func obstacle(at now: Instant) -> String {
    let present = present(at: now)
    if let accepted {
      let missing = accepted.members.filter {
        $0.id != own.id && agreed[$0.id] != accepted.clusterID
      }
      return "waiting for \(names(missing)) to agree to the cluster \(accepted.clusterID)"
    }
    if Set(present.filter(\.isFormed).compactMap(\.founding?.clusterID)).count > 1 {
      return "the seeds belong to different clusters"
    }
    if let twice = nameTwice(present) { return twice }
    guard expected > 0 else { return "no seed is in a cluster yet" }
    let free = candidates(present)
    guard free.count >= expected else {
      return "\(free.count) of \(expected) servers have met: \(names(free))"
    }
    if !isFair(Array(free.prefix(expected))) {
      return "the first \(expected) of \(names(free)) do not hold a majority of the \(seeds) seeds"
    }
    return "waiting for \(free[0].name) to propose a cluster"
  }

  // MARK: -

  private func present(at now: Instant) -> [Heard] {
    heard.filter { now.since($0.at) <= Self.memory }
  }

  private func step(boundBy founding: Founding) -> Step? {
    for member in founding.members where member.id != own.id {
      if let other = agreed[member.id], other != founding.clusterID {
        return .startAnew(because: "\(member.name) has agreed to the cluster \(other)")
      }
    }
    // One that is in the cluster knows that all have agreed.
    let isFormed = heard.contains {
      $0.isFormed && $0.founding?.clusterID == founding.clusterID
    }
    let all = founding.members.allSatisfy {
      $0.id == own.id || agreed[$0.id] == founding.clusterID
    }
    return isFormed || all ? .found(founding) : nil
  }

  private func formed(_ present: [Heard]) -> Founding? {
    let formed = present.filter(\.isFormed).compactMap(\.founding)
    guard let first = formed.first, formed.allSatisfy({ $0.clusterID == first.clusterID }) else {
      return nil
    }
    return first
  }

  /// Whether another server's proposal is one that this server may agree to.
  private func accepts(_ founding: Founding) -> Bool {
    founding.members.count == expected && founding.members.contains { $0.id == own.id }
      && Set(founding.members.map(\.name)).count == expected
      && Set(founding.members.map(\.id)).count == expected && isFair(founding.members)
  }

  /// The members that this server is to propose; nil when it is not for it to do so.
  private func proposal(_ present: [Heard]) -> [MemberEntry]? {
    guard nameTwice(present) == nil, !present.contains(where: \.isFormed) else { return nil }
    let members = Array(candidates(present).prefix(expected))
    guard members.count == expected, members[0].id == own.id, isFair(members) else { return nil }
    return members
  }

  /// Those that are bound by nothing, in the order of their names.
  private func candidates(_ present: [Heard]) -> [MemberEntry] {
    let others = present.filter { $0.founding == nil }.map(\.member)
    return (others + [own]).sorted { ($0.name, $0.id) < ($1.name, $1.id) }
  }

  private func nameTwice(_ present: [Heard]) -> String? {
    let all = present.map(\.member) + [own]
    for (place, member) in all.enumerated() {
      guard let twin = all[..<place].first(where: { $0.name == member.name }) else { continue }
      return "two servers are called \(member.name), at \(twin.address) and \(member.address): "
        + "give each its own node.id"
    }
    return nil
  }

  /// Whether these hold a majority of the seeds, so that no others can.
  private func isFair(_ members: [MemberEntry]) -> Bool {
    let held = holders.values.count { holder in members.contains { $0.id == holder } }
    return 2 * held > seeds || seeds == 0 && expected == 1
  }

  private func names(_ members: [MemberEntry]) -> String {
    members.map(\.name).joined(separator: ", ")
  }
}
