/// Rows of text under headings, each column as wide as its widest cell.
package struct Table {
  package enum Alignment: Sendable { case left, right }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  package init(_ columns: [(title: String, alignment: Alignment)]) {
    self.columns = columns
  }

  package mutating func add(_ row: [String]) {
    precondition(row.count == columns.count, "\(row.count) cells, \(columns.count) columns")
    rows.append(row)
  }

  /// Every line with its newline, no blanks at the ends. Control characters in cells are escaped.
  package var text: String {
    let shown = [columns.map(\.title)] + rows.map { $0.map(Self.printable) }
    let widths = columns.indices.map { column in shown.map { $0[column].count }.max() ?? 0 }
    return shown.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        line += columns[column].alignment == .left ? cell + blanks : blanks + cell
        if column < row.count - 1 { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  private static func printable(_ cell: String) -> String {
    guard cell.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else { return cell }
    return String(JSONText.quoted(cell).dropFirst().dropLast())
  }
}
