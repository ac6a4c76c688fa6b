import ClusterModel
package import CommitLog
import Formation
import GRPCWire
package import NIOCore
import Protobuf
import RPC
package import RaftAPI
package import RaftNode
import Synchronization
package import TLS

/// Brings a data folder into a cluster: asks the seeds again and again who they are, and does what `ClusterFormation` makes
/// of their answers.
package final class FormationRunner: Sendable {
  package struct Settings: Sendable {
    package var name: String
    package var address: String
    /// Where to look for others.
    package var seeds: [PeerAddress]
    /// First members of a cluster; 0: join one only.
    package var expected: Int
    /// This server's certificate as a client of the others; nil: in the clear, for tests.
    package var tls: TLSContext?

    package init(
      name: String, address: String, seeds: [PeerAddress], expected: Int, tls: TLSContext?
    ) {
      self.name = name
      self.address = address
      self.seeds = seeds
      self.expected = expected
      self.tls = tls
    }
  }

  /// What an operator may want to know.
  package enum Notice: Sendable {
    case waiting(String)
    case agreed(Founding)
    case startedAnew(String)
  }

  /// Between two rounds of questions.
  private static let pause = Duration.milliseconds(100)
  /// The same obstacle is told again after so long.
  private static let reminder = Duration.seconds(10)

  private typealias State = FormationFile<LinuxDisk>.State

  private let settings: Settings
  private let folder: ClusterFolder<LinuxDisk>
  private let eventLoop: any EventLoop
  private let formation: Mutex<ClusterFormation>
  /// What is on the disk.
  private let state: Mutex<FormationFile<LinuxDisk>.State>
  private let notice: @Sendable (Notice) -> Void

  /// - Parameter state: how far the folder is, `alone` or `accepted`.
  package init(
    _ settings: Settings, folder: ClusterFolder<LinuxDisk>,
    state: FormationFile<LinuxDisk>.State, on eventLoop: any EventLoop,
    notice: @escaping @Sendable (Notice) -> Void
  ) {
    self.settings = settings
    self.folder = folder
    self.eventLoop = eventLoop
    self.notice = notice
    self.state = Mutex(state)
    formation = Mutex(Self.formation(settings, state))
  }

  private static func formation(_ settings: Settings, _ state: State) -> ClusterFormation {
    let own = MemberEntry(
      NodeID(state.storageID), name: settings.name, address: settings.address, isLearner: false)
    return ClusterFormation(
      own, expected: settings.expected, seeds: settings.seeds.count,
      accepted: state.phase == .accepted ? state.founding : nil, former: state.former)
  }

  /// What another server said of itself; what this one says. Any thread.
  package func answer(_ introduction: Introduction) -> Introduction {
    formation.withLock { formation in
      formation.heard(introduction, at: RaftRunner.now())
      return formation.introduction
    }
  }

  /// Returns when the folder is to be completed as a cluster's.
  ///
  /// - Throws: `CommitLogError`, or `CancellationError` when the task is cancelled.
  package func run() async throws -> FormationFile<LinuxDisk>.State {
    var channels: [String: RPCChannel] = [:]
    var told: (text: String, at: ContinuousClock.Instant)?
    while true {
      try Task.checkCancellation()
      if let done = try takeSteps() { return done }
      await meet(&channels)
      if let done = try takeSteps() { return done }
      let obstacle = formation.withLock { $0.obstacle(at: RaftRunner.now()) }
      if told.map({ $0.text != obstacle || .now - $0.at > Self.reminder }) ?? true {
        told = (obstacle, .now)
        notice(.waiting(obstacle))
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func takeSteps() throws(CommitLogError) -> State? {
    while true {
      let step = formation.withLock { formation in
        formation.next(at: RaftRunner.now()) {
          ("\(UniqueID.random())", "\(UniqueID.random())", CommitLog.Options().clock())
        }
      }
      let before = state.withLock { $0 }
      func now(_ phase: FormationFile<LinuxDisk>.Phase, _ founding: Founding) -> State {
        State(phase, before.storageID, founding, former: before.former)
      }
      switch step {
      case nil: return nil
      case .accept(let founding):
        try write(now(.accepted, founding))
        formation.withLock { $0.accepted(founding) }
        notice(.agreed(founding))
      case .found(let founding): return try decided(now(.founding, founding))
      case .join(let founding): return try decided(now(.joining, founding))
      case .startAnew(let why):
        let fresh = before.anew
        try write(fresh)
        formation.withLock { $0 = Self.formation(settings, fresh) }
        notice(.startedAnew(why))
      }
    }
  }

  private func write(_ next: State) throws(CommitLogError) {
    try folder.write(next)
    state.withLock { $0 = next }
  }

  private func decided(_ next: State) throws(CommitLogError) -> State {
    try write(next)
    return next
  }

  // MARK: Asking

  /// Asks all seeds, and those that it has agreed with.
  private func meet(_ channels: inout [String: RPCChannel]) async {
    let own = formation.withLock { $0.introduction }
    var places: [(seed: Int?, address: PeerAddress)] = settings.seeds.enumerated().map {
      ($0.offset, $0.element)
    }
    for member in own.founding?.members ?? [] where member.address != settings.address {
      guard let address = PeerAddress(member.address), !settings.seeds.contains(address) else {
        continue
      }
      places.append((nil, address))
    }
    let asked = places.map { place in
      let name = "\(place.address.host):\(place.address.port)"
      let channel =
        channels[name] ?? RPCChannel(place.address.channel(settings.tls), on: eventLoop)
      channels[name] = channel
      return (seed: place.seed, channel: channel)
    }
    let question = own.serialized()
    await withTaskGroup { group in
      for place in asked {
        group.addTask { await self.ask(place.channel, question, seed: place.seed) }
      }
    }
  }

  private func ask(_ channel: RPCChannel, _ question: [UInt8], seed: Int?) async {
    // Who does not answer is asked again in the next round.
    guard
      let bytes = try? await channel.unary(
        RaftMethod.meet.path, question, timeout: .milliseconds(500)),
      let answer = try? Introduction(serialized: bytes)
    else { return }
    formation.withLock { $0.heard(answer, atSeed: seed, at: RaftRunner.now()) }
  }
}
