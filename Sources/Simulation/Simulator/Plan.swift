import ClusterModel

/// What goes wrong in a run, when, and under which conditions: explicit, so that it can be taken apart and run again.
package struct Plan: Codable, Equatable, Sendable {
  package struct Step: Codable, Equatable, Sendable, CustomStringConvertible {
    package var time: UInt64
    package var fault: Fault

    package var description: String {
      let words = String(describing: fault).split(
        separator: "Simulator.", omittingEmptySubsequences: false)
      return "\(Double(time / 1_000_000) / 1_000) s: \(words.joined())"
    }
  }

  /// What stays the same throughout a run.
  package struct Conditions: Codable, Equatable, Sendable {
    /// Nodes that are up from the start and belong to no group until they are added.
    package var spares = 0
    /// Of one AppendEntries: small ones make followers that lag by few entries lag by many messages.
    package var appendBytes = 8 << 10
    /// Between these a follower stands for election; a narrow range makes them stand together.
    package var electionTimeout: ClosedRange<UInt64> = 300_000_000...600_000_000
    /// Clients that ask what is true now.
    package var readers = 2
    package var segmentBytes = 64 << 10
    /// Nodes look after so many nanoseconds what is kept of the log; 0 = only when its start has moved.
    package var looksAfter: UInt64 = 0
    /// Segments go while those behind them hold so many bytes; 0 = none goes for its size.
    package var retentionBytes: UInt64 = 0
  }

  package var conditions = Conditions()
  package var steps: [Step]
}

/// Who is struck: by number, or by what it is at that moment.
package enum Target: Codable, Equatable, Sendable, CustomStringConvertible {
  case node(Int)
  case leader
  /// The first, second ... of those that are in the leader's group and do not lead.
  case follower(Int)
  /// The first, second ... of those that are not in it.
  case outsider(Int)

  package var description: String {
    switch self {
    case .node(let node): "n\(node + 1)"
    case .leader: "leader"
    case .follower(let place): "follower \(place + 1)"
    case .outsider(let place): "outsider \(place + 1)"
    }
  }
}

/// A moment at which an ambush strikes, whichever node it is that comes to it first.
package enum Trigger: String, Codable, Sendable {
  /// It has just won an election, and has told nobody.
  case won
  /// As the leader it has just committed something, and has told nobody.
  case committed
  /// It has just acknowledged something to a client, and told no other node that it is committed.
  case acknowledged
  /// It has just given another node its vote.
  case voted
  /// As the leader it has handed a write to its disk, which is not done.
  case wrote
  /// As the leader it has just sent a part of an image.
  case sentImage
  /// It has just answered a part of an image, and lacks others.
  case tookPart
  /// It has handed its disk an image, which is not in the log's place yet.
  case installing
  /// An image has just taken the place of its log.
  case installed
  /// It has just removed a segment from its log's front.
  case removed
}

/// What an ambush does.
package enum Blow: Codable, Equatable, Sendable {
  case crash(power: Bool, downFor: UInt64)
  /// It hears nobody, and nobody hears it.
  case isolate
  /// The same, and after a while, in which it can write what it has, the process ends.
  case isolateThenCrash(after: UInt64, downFor: UInt64)
  /// It reaches one other node only from now on, and somebody asks it for a change of the membership at once.
  case change(Change)
}

/// A step of the membership, asked of whoever leads then.
package enum Change: Codable, Equatable, Sendable {
  case addLearner(Target)
  case addVoter(Target)
  case promote(Target)
  case remove(Target)
  /// What one step does, in two: must be refused.
  case addTwoVoters(Target, Target)
  /// Whichever single step leads to so many voters.
  case toward(voters: Int)
}

package enum Fault: Codable, Equatable, Sendable {
  /// The process is killed; what the disk had not synced may be lost with `power`. It starts again after so long.
  case crash(Target, power: Bool, downFor: UInt64)
  case crashAll(power: Bool, downFor: UInt64)
  case pause(Target, for: UInt64)
  /// One side does not hear the other, or neither.
  case cut(from: [Target], to: [Target], bothWays: Bool)
  case isolate(Target)
  /// Whoever the leader reaches stays with it; all others reach each other, and none of those.
  case regroup
  /// The wires are whole again; connections that were cut are new ones.
  case heal
  /// A connection breaks, and is made anew.
  case disconnect(Target, Target)
  case loss(oneIn: Int)
  case doubling(oneIn: Int)
  case lateness(oneIn: Int)
  /// Of answers only, so that questions of later terms overtake them.
  case lateAnswers(oneIn: Int)
  case slowDisk(Target, by: UInt64)
  case slowDisks(by: UInt64)
  /// The disk call number `after` from now fails.
  case diskError(Target, after: Int)
  case fullDisk(Target, for: UInt64)
  case clock(Target, by: Int64)
  case transfer(to: Target)
  /// All nodes lose power in the middle of what they write.
  case tearAll(downFor: UInt64)
  /// A node loses power, and with it the end of its log that was on the disk already; only where another has all that was
  /// ever committed, and no other node is in doubt.
  case damageTail(Target, downFor: UInt64)
  /// The next node that comes to `at` is struck.
  case ambush(at: Trigger, Blow)
  case change(Change)
  /// Somebody asks the leader to let the log begin behind so many percent of all records there ever were.
  case trim(percent: Int)
  /// Who is in no group gets an empty disk, and with it another name.
  case wipe(Target, downFor: UInt64)
}
