/// Finds the known name that a mistyped one was probably meant to be.
package enum Nearest {
  /// The first name with the fewest edits, if that is at most half of the word.
  package static func name(to word: String, among names: [String]) -> String? {
    guard word.utf8.count <= 32 else { return nil }
    let lowered = word.lowercased()
    let ranked = names.map { (name: $0, edits: edits(from: lowered, to: $0)) }
    guard let best = ranked.min(by: { $0.edits < $1.edits }),
      best.edits * 2 <= max(word.utf8.count, 2)
    else { return nil }
    return best.name
  }

  /// Levenshtein's distance over bytes.
  private static func edits(from one: String, to other: String) -> Int {
    let target = Array(other.utf8)
    var row = Array(0...target.count)
    for (position, byte) in one.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = position + 1
      for column in target.indices {
        let replaced = diagonal + (target[column] == byte ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
      }
    }
    return row[target.count]
  }
}
