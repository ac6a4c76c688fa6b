import ClusterModel

/// What is going to happen, by time; of two things at the same moment the one first asked for is first.
struct EventQueue {
  enum Happening {
    case arrives(Parcel)
    /// A node's own timer; `life` tells the lives of a node apart.
    case timer(node: Int, life: Int)
    case diskDone(node: Int, life: Int)
    case nemesis(Int)
    case producer(Int)
    case reader(Int)
    /// A client gives up waiting.
    case timeout(operation: UInt64)
    case start(node: Int)
    /// A node whose disk failed is started again.
    case nemesisRestart(node: Int, life: Int)
  }

  private struct Entry {
    var time: UInt64
    var order: UInt64
    var happening: Happening

    func isBefore(_ other: Entry) -> Bool {
      time == other.time ? order < other.order : time < other.time
    }
  }

  private var heap: [Entry] = []
  private var count: UInt64 = 0

  mutating func add(_ happening: Happening, at time: UInt64) {
    count += 1
    heap.append(Entry(time: time, order: count, happening: happening))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isBefore(heap[parent]) else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func next() -> (time: UInt64, happening: Happening)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    return (first.time, first.happening)
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
      guard heap[child].isBefore(heap[parent]) else { return }
      heap.swapAt(child, parent)
      parent = child
    }
  }
}
