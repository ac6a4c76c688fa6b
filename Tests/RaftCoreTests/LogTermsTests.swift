import ClusterModel
import RaftCore
import Testing

@Suite struct LogTermsTests {
  @Test(arguments: 1...20)
  func `runs say the same as a list of terms`(_ seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var log = LogTerms()
    var list: [UInt64] = []
    var start = 0
    for _ in 0..<400 {
      switch random.below(4) {
      case 0, 1:
        let term = max(1, (list.last ?? 1) + UInt64(random.below(2)))
        let count = random.below(5)
        log.append(count: UInt64(count), term: term)
        list += Array(repeating: term, count: count)
      case 2 where list.count > start:
        let index = start + 1 + random.below(list.count - start)
        log.truncate(from: UInt64(index))
        list.removeLast(list.count - index + 1)
      case 3 where list.count > start:
        start += random.below(min(3, list.count - start + 1))
        log.dropPrefix(through: UInt64(start))
      default: break
      }
      check(log, list, start, seed)
    }
  }

  private func check(_ log: LogTerms, _ list: [UInt64], _ start: Int, _ seed: Int) {
    #expect(log.lastIndex == UInt64(list.count), "seed \(seed)")
    #expect(log.before.index == UInt64(start), "seed \(seed)")
    for index in 1...list.count + 2 where index >= start {
      let expected = index <= list.count && index > 0 ? list[index - 1] : nil
      #expect(log.term(at: UInt64(index)) == expected, "seed \(seed), index \(index)")
    }
    if list.count > start {
      let runs = log.runs(from: UInt64(start + 1), through: UInt64(list.count))
      let flat = runs.flatMap { Array(repeating: $0.term, count: Int($0.count)) }
      #expect(flat == Array(list[start...]), "seed \(seed)")
      for term in 1...(list.last ?? 1) {
        let last = list.lastIndex { $0 <= term }.map { $0 + 1 } ?? 0
        let found = log.lastIndex(upTo: UInt64(list.count), ofTermAtMost: term)
        #expect(found == UInt64(max(last, min(start, Int(found)))), "seed \(seed), term \(term)")
      }
    }
  }
}
