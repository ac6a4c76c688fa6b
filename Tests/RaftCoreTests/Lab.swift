import ClusterModel
import RaftCore

/// A group of cores on one desk: time, network and disks are moved by hand, and all that happens is
/// written down.
struct Lab {
  /// A message on its way.
  struct Letter: Equatable {
    var from: NodeID
    var to: NodeID
    var message: Message
  }

  /// What a node's disk holds, and what is on its way there.
  struct Disk {
    enum Job {
      case hard(HardState)
      case write(terms: LogTerms, memberships: [MembershipEntry], ticket: UInt64)
    }

    var hard = HardState()
    var log = LogTerms()
    var memberships: [MembershipEntry]
    var jobs: [Job] = []
    /// Jobs wait until they are let go.
    var isHeld = false
  }

  struct Desk {
    var core: RaftCore
    var disk: Disk
    var isUp = true
    var committed: UInt64 = 0
    var reads: [UInt64: UInt64?] = [:]
    var isUncertain = false
  }

  var now = Instant(nanoseconds: 1_000_000_000)
  var desks: [Desk] = []
  var letters: [Letter] = []
  /// Nodes that nobody hears.
  var cutOff: Set<NodeID> = []
  /// Entries that fit in one message.
  var maxEntries: UInt64 = .max
  /// What happened since it was last taken.
  var lines: [String] = []

  static func node(_ number: Int) -> NodeID { NodeID(low: UInt64(number)) }

  /// Nodes n1 to n`voters` and as many learners behind them.
  init(voters: Int, learners: Int = 0, settings: RaftSettings = RaftSettings()) {
    let first = Membership(
      voters: (1...voters).map(Lab.node),
      learners: learners == 0 ? [] : (voters + 1...voters + learners).map(Lab.node))
    for number in 1...voters + learners { add(number, first, settings) }
  }

  mutating func add(_ number: Int, _ membership: Membership, _ settings: RaftSettings) {
    let disk = Disk(memberships: [MembershipEntry(index: 0, membership: membership)])
    let core = RaftCore(
      Lab.node(number), settings: settings, start: Lab.start(disk, commit: 0, isUncertain: false),
      random: SeededRandom(seed: UInt64(number)), at: now)
    desks.append(Desk(core: core, disk: disk))
  }

  private static func start(_ disk: Disk, commit: UInt64, isUncertain: Bool) -> RaftCore.Start {
    RaftCore.Start(
      hard: disk.hard, log: disk.log, memberships: disk.memberships, commit: commit,
      isUncertain: isUncertain)
  }

  subscript(number: Int) -> RaftCore {
    get { desks[number - 1].core }
    set { desks[number - 1].core = newValue }
  }

  // MARK: What may be done

  mutating func handle(_ number: Int, _ event: Event) {
    guard desks[number - 1].isUp else { return }
    perform(number, desks[number - 1].core.handle(event, at: now))
    perform(number, desks[number - 1].core.handle(.turnEnded, at: now))
  }

  /// Lets the node's own timer fire.
  mutating func timeout(_ number: Int) {
    now = max(now, self[number].deadline)
    handle(number, .tick)
  }

  /// Lets time pass for all, timers and messages with it.
  mutating func run(nanoseconds: UInt64) {
    let end = now + nanoseconds
    while true {
      deliver()
      let due = desks.indices.filter { desks[$0].isUp }
      guard let next = due.min(by: { desks[$0].core.deadline < desks[$1].core.deadline }),
        desks[next].core.deadline <= end
      else { break }
      now = max(now, desks[next].core.deadline)
      handle(next + 1, .tick)
    }
    now = end
  }

  /// Delivers all that is on its way, and what that leads to.
  mutating func deliver(where fits: (Letter) -> Bool = { _ in true }) {
    var rounds = 0
    while let place = letters.firstIndex(where: fits) {
      let letter = letters.remove(at: place)
      let isLost = cutOff.contains(letter.from) || cutOff.contains(letter.to)
      lines.append("  \(letter.text)\(isLost ? ", lost" : "")")
      if !isLost { handle(Int(letter.to.low), .received(letter.message, from: letter.from)) }
      rounds += 1
      precondition(rounds < 100_000, "messages without end")
    }
  }

  mutating func drop(where fits: (Letter) -> Bool) {
    for letter in letters where fits(letter) { lines.append("  \(letter.text), dropped") }
    letters.removeAll(where: fits)
  }

  /// Everybody hears this node's election out; it leads afterwards.
  mutating func elect(_ number: Int) {
    timeout(number)
    deliver()
  }

  mutating func propose(_ number: Int, _ count: UInt64 = 1) {
    propose(number, count, [])
  }

  /// Its own disk is busy with them while they are sent.
  private mutating func propose(_ number: Int, _ count: UInt64, _ entries: [MembershipEntry]) {
    guard self[number].canPropose else { return lines.append("n\(number) does not lead") }
    let actions = desks[number - 1].core.handle(
      .proposed(count: count, memberships: entries), at: now)
    addWrite(number, self[number].lastTicket)
    perform(number, actions)
    work(number)
    perform(number, desks[number - 1].core.handle(.turnEnded, at: now))
  }

  mutating func change(_ number: Int, to membership: Membership) throws(RaftRefusal) {
    try self[number].check(change: membership)
    let entry = MembershipEntry(index: self[number].log.lastIndex + 1, membership: membership)
    propose(number, 1, [entry])
  }

  /// Holds what the node's disk is asked for, or lets it go.
  mutating func hold(_ number: Int, _ isHeld: Bool) {
    desks[number - 1].disk.isHeld = isHeld
    work(number)
  }

  /// The node is gone with all that was not on its disk.
  mutating func crash(_ number: Int) {
    desks[number - 1].isUp = false
    desks[number - 1].disk.jobs = []
    letters.removeAll { $0.from == Lab.node(number) || $0.to == Lab.node(number) }
  }

  /// It comes back with what its disk has; `losing` entries are missing from its end.
  mutating func start(_ number: Int, losing: UInt64 = 0) {
    var desk = desks[number - 1]
    if losing > 0 { desk.disk.log.truncate(from: desk.disk.log.lastIndex + 1 - losing) }
    desk.disk.memberships.removeAll { $0.index > desk.disk.log.lastIndex }
    desk.disk.isHeld = false
    desk.isUp = true
    desk.committed = desk.disk.log.before.index
    desk.isUncertain = losing > 0
    desk.core = RaftCore(
      Lab.node(number), settings: desk.core.settings,
      start: Lab.start(
        desk.disk, commit: desk.disk.log.before.index, isUncertain: desk.isUncertain),
      random: SeededRandom(seed: UInt64(number) + now.nanoseconds), at: now)
    desks[number - 1] = desk
  }

  // MARK: What the cores ask for

  private mutating func perform(_ number: Int, _ actions: [Action]) {
    for action in actions {
      if let text = action.text { lines.append("n\(number) \(text)") }
      perform(number, action)
    }
  }

  private mutating func perform(_ number: Int, _ action: Action) {
    let place = number - 1
    switch action {
    case .send(let message, let node):
      letters.append(Letter(from: Lab.node(number), to: node, message: message))
    case .saveHardState(let state):
      desks[place].disk.jobs.append(.hard(state))
    case .write, .writeNoOperation:
      addWrite(number, self[number].lastTicket)
    case .truncate(let index):
      desks[place].disk.jobs.removeAll { job in
        if case .write(let terms, _, _) = job { terms.before.index >= index } else { false }
      }
      if desks[place].disk.log.lastIndex >= index { desks[place].disk.log.truncate(from: index) }
    case .replicate(let node): replicate(number, to: node)
    case .commit(let index): desks[place].committed = index
    case .readReady(let id, let index): desks[place].reads[id] = .some(index)
    case .readFailed(let id): desks[place].reads[id] = .some(nil)
    case .sendImage(let node, let session, _):
      let part = ImagePart(
        term: self[number].hard.term, session: session, position: self[number].log.before, start: 0,
        isLast: true)
      letters.append(Letter(from: Lab.node(number), to: node, message: .image(part)))
    case .takeImagePart(let part): install(number, part)
    case .roleChanged, .membershipChanged, .logConfirmed, .refused: break
    }
    work(number)
  }

  /// An image, all in one part, is on the disk at once; the members are those of who sent it.
  private mutating func install(_ number: Int, _ part: ImagePart) {
    let sender = desks.first { $0.core.role == .leader && $0.core.hard.term == part.term }
    let membership = sender?.core.membership ?? self[number].membership
    perform(number, desks[number - 1].core.handle(.installing, at: now))
    desks[number - 1].disk.log = LogTerms(before: part.position)
    let entry = MembershipEntry(index: part.position.index, membership: membership)
    desks[number - 1].disk.memberships = [entry]
    perform(number, desks[number - 1].core.handle(.imageInstalled(part.position, entry), at: now))
  }

  /// The whole log as the core has it now is written under the ticket.
  private mutating func addWrite(_ number: Int, _ ticket: UInt64) {
    let core = self[number]
    let memberships =
      desks[number - 1].disk.memberships.prefix(1)
      + [MembershipEntry(index: core.membershipIndex, membership: core.membership)].filter {
        $0.index > 0
      }
    desks[number - 1].disk.jobs.append(
      .write(terms: core.log, memberships: Array(memberships), ticket: ticket))
  }

  private mutating func replicate(_ number: Int, to node: NodeID) {
    let (plan, actions) = desks[number - 1].core.appendPlan(to: node)
    perform(number, actions)
    guard let plan else { return }
    let available = min(plan.last - plan.previous.index, maxEntries)
    let last = plan.previous.index + available
    guard let request = self[number].appendRequest(plan, through: last) else { return }
    letters.append(Letter(from: Lab.node(number), to: node, message: .append(request)))
    perform(number, desks[number - 1].core.handle(.sent(plan, through: last, bytes: 1), at: now))
  }

  private mutating func work(_ number: Int) {
    while desks[number - 1].isUp, !desks[number - 1].disk.isHeld,
      !desks[number - 1].disk.jobs.isEmpty
    {
      switch desks[number - 1].disk.jobs.removeFirst() {
      case .hard(let state):
        desks[number - 1].disk.hard = state
        perform(number, desks[number - 1].core.handle(.hardStateSaved, at: now))
      case .write(let terms, let memberships, let ticket):
        desks[number - 1].disk.log = terms
        desks[number - 1].disk.memberships = memberships
        perform(number, desks[number - 1].core.handle(.written(ticket: ticket), at: now))
      }
    }
  }
}
