import RaftNode
import Testing

@Suite struct ProducerTableTests {
  private func stamp(_ sequence: UInt64, epoch: UInt32 = 0, id: UInt64 = 7) -> ProducerStamp {
    ProducerStamp(id: id, epoch: epoch, sequence: sequence)
  }

  private func table(requests: UInt64 = 0) -> ProducerTable {
    var table = ProducerTable()
    table.begin(id: 7, epoch: 0, subject: "alice", name: "", index: 7)
    for number in 0..<requests {
      table.note(stamp(number * 2), count: 2, baseOffset: 100 + number * 2, index: 8 + number)
    }
    return table
  }

  private func judge(
    _ table: ProducerTable, _ stamp: ProducerStamp, count: UInt64 = 2, as subject: String = "alice"
  ) -> ProducerTable.Verdict {
    table.judge(stamp, count: count, subject: subject)
  }

  @Test func `requests in sequence are appended`() {
    #expect(judge(table(), stamp(0)) == .append)
    #expect(judge(table(requests: 3), stamp(6)) == .append)
  }

  @Test func `a repeat, or a part of one, is answered with the first offsets`() {
    let table = table(requests: 3)
    #expect(judge(table, stamp(2)) == .duplicate(offset: 102, index: 9))
    #expect(judge(table, stamp(3), count: 1) == .duplicate(offset: 103, index: 9))
  }

  @Test func `gaps, requests of long ago and other lives are refused`() {
    let table = table(requests: 70)
    #expect(judge(table, stamp(142)) == .refuse(.gap(expected: 140)))
    #expect(judge(table, stamp(10)) == .refuse(.tooOld))
    #expect(judge(table, stamp(0, id: 8)) == .refuse(.unknown))
    #expect(judge(table, stamp(0, epoch: 1)) == .refuse(.unknown))
  }

  @Test func `a new life fences the old one`() {
    var table = table(requests: 1)
    table.begin(id: 7, epoch: 1, subject: "alice", name: "", index: 20)
    #expect(judge(table, stamp(2)) == .refuse(.fenced(epoch: 1)))
    #expect(judge(table, stamp(0, epoch: 1)) == .append)
  }

  @Test func `nobody else may use a producer's id`() {
    #expect(judge(table(), stamp(0), as: "bob") == .refuse(.notYours))
  }

  @Test func `a name keeps its id and gets a new epoch, and is one subject's own`() {
    var table = ProducerTable()
    let first = table.next(subject: "alice", name: "orders", index: 5)
    #expect(first.id == 5 && first.epoch == 0)
    table.begin(id: 5, epoch: 0, subject: "alice", name: "orders", index: 5)
    let again = table.next(subject: "alice", name: "orders", index: 9)
    #expect(again.id == 5 && again.epoch == 1)
    #expect(table.next(subject: "bob", name: "orders", index: 9).id == 9)
    #expect(table.next(subject: "alice", name: "", index: 10).id == 10)
  }
}
