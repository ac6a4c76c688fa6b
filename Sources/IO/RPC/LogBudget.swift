/// So many log lines until it is renewed; the others are only counted.
struct LogBudget {
  private let most: Int
  private var written = 0
  private var leftOut = 0

  init(_ most: Int) { self.most = most }

  /// Whether one more may be written.
  mutating func take() -> Bool {
    guard written < most else {
      leftOut += 1
      return false
    }
    written += 1
    return true
  }

  /// Begins anew; returns how many were left out.
  mutating func renew() -> Int {
    defer { self = LogBudget(most) }
    return leftOut
  }
}
