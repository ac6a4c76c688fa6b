import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk

/// A machine: its disk, which outlives the process, and the process, while there is one.
struct SimulatedNode {
  let number: Int
  var disk: SimulatedDisk
  var replica: Replica<SimulatedDisk>?
  /// Counts its starts: what was meant for an earlier life is dropped.
  var life = 0
  /// Counts its disks: one that was wiped is another node (rule 20).
  var generation: UInt64 = 0
  /// It has not started since it got its disk.
  var isNew = true
  var jobs: [NodeJob] = []
  var isDiskBusy = false
  /// Nanoseconds that each job takes at least, beside its own time.
  var slowness: UInt64 = 0
  /// It is stopped (SIGSTOP): nothing happens before this moment, then all at once.
  var pausedUntil: UInt64 = 0
  /// The moment its timer is set for.
  var timer: UInt64 = .max
  var wasLeader = false
  var lastCommit: UInt64 = 0
  var lastTerm: UInt64 = 0
  /// Where the log begins, as it was last told.
  var start = LogStart()
  /// A look at what is kept of the log waits for the disk, or is under way.
  var isLooking = false
  /// One failed.
  var hasStoppedLooking = false
  /// The entry up to which its disk has states.
  var checkpointed: UInt64 = 0
  /// What its disk certainly had when the process ended, and has therefore when it starts again.
  var kept = KeptLog()
  /// What it had when the end of its log was last damaged.
  var lost = KeptLog()
  /// When the process ended it did not know whether the end of its log was lost.
  var isDoubtful = false
  /// How far its own clock is off.
  var clockSkew: Int64 = 0

  init(_ number: Int) {
    self.number = number
    disk = SimulatedDisk()
  }

  var isUp: Bool { replica != nil }
  /// What it is called.
  var id: NodeID { NodeID(high: generation, low: UInt64(number + 1)) }

  /// It gets an empty disk, and with it another name.
  mutating func wipe() {
    disk = SimulatedDisk()
    generation += 1
    isNew = true
    kept = KeptLog()
    lost = KeptLog()
    isDoubtful = false
  }

  /// What belonged to the last process.
  mutating func beginLife() {
    life += 1
    isNew = false
    jobs = []
    isDiskBusy = false
    wasLeader = false
    isDoubtful = false
    lastCommit = 0
    lastTerm = 0
    timer = .max
    start = LogStart()
    isLooking = false
    hasStoppedLooking = false
    checkpointed = 0
  }
}

/// The entries on a disk, without what is in them.
struct KeptLog {
  var log = LogTerms()
  /// Up to here.
  var durable: UInt64 = 0

  func holds(_ index: UInt64, term: UInt64) -> Bool {
    index <= durable && (index <= log.before.index || log.term(at: index) == term)
  }
}
