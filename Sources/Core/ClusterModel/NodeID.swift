/// What a node is called for as long as its disk lives: minted with its data folder.
///
/// A wiped disk is a new node, whatever name it is given (RAFT-RULES 20): it has forgotten what it
/// voted for and what it acknowledged.
package struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  /// Written out to be inlined: it is asked for with each message.
  @inlinable
  package static func == (left: NodeID, right: NodeID) -> Bool {
    left.low == right.low && left.high == right.high
  }

  package init(high: UInt64 = 0, low: UInt64) {
    self.high = high
    self.low = low
  }

  package static func < (left: NodeID, right: NodeID) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }

  /// As a UUID is written; a small number, which only tests have, as n1.
  package var description: String {
    guard high != 0 || low > 999 else { return "n\(low)" }
    let digits = NodeID.hexadecimal(high) + NodeID.hexadecimal(low)
    var text = ""
    for (place, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(place) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
