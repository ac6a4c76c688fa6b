import ClusterModel
import RaftAPI

/// What is going to happen, by time; of two things at the same moment the one first asked for is first.
struct EventQueue {
  enum Happening {
    /// Boxed: it is large, and handed on from the queue to the node and from there back.
    indirect case arrives(Parcel)
    /// A node's own timer; `life` tells the lives of a node apart.
    case timer(node: Int, life: Int)
    case diskDone(node: Int, life: Int)
    case nemesis(Int)
    case producer(Int)
    case reader(Int)
    /// A client gives up waiting.
    case timeout(operation: UInt64)
    case start(node: Int)
    /// The end of what an ambush began.
    case crash(node: Int, life: Int, downFor: UInt64)
    /// A node is asked for a change of the membership.
    case asked(node: Int, life: Int, Change)
    /// A node is told that its connection to another one is a new one.
    case disconnected(node: Int, life: Int, from: Int)
    /// A node whose disk failed is started again.
    case nemesisRestart(node: Int, life: Int)
    /// A node looks what is kept of its log.
    case look(node: Int, life: Int)
    /// It hears what that look has removed.
    case compacted(node: Int, life: Int, through: UInt64)
    /// It hears where the log could begin.
    case moveStart(node: Int, life: Int, LogStart)
  }

  /// Small, because the heap moves it about; what happens waits in its slot.
  private struct Entry {
    var time: UInt64
    var order: UInt64
    var slot: Int

    func isBefore(_ other: Entry) -> Bool {
      time == other.time ? order < other.order : time < other.time
    }
  }

  private var heap: [Entry] = []
  private var slots: [Happening?] = []
  private var freeSlots: [Int] = []
  private var count: UInt64 = 0

  mutating func add(_ happening: Happening, at time: UInt64) {
    count += 1
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      slots[slot] = happening
    } else {
      slot = slots.count
      slots.append(happening)
    }
    rise(Entry(time: time, order: count, slot: slot))
  }

  /// Of what is next.
  var nextTime: UInt64? { heap.first?.time }

  mutating func next() -> (time: UInt64, happening: Happening)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty { sink(last) }
    freeSlots.append(first.slot)
    guard let happening = slots[first.slot].take() else {
      preconditionFailure("slot \(first.slot) is empty")
    }
    return (first.time, happening)
  }

  /// Puts an entry behind the heap's end and lets it rise to its place.
  private mutating func rise(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entry.isBefore(heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  /// Puts an entry at the heap's top, in place of what was there, and lets it sink to its place.
  private mutating func sink(_ entry: Entry) {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
      guard heap[child].isBefore(entry) else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = entry
  }
}
