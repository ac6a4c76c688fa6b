import Foundation

/// One line on a terminal that says how far long work is; nothing where standard error is none.
enum Progress {
  static let isShown = isatty(STDERR_FILENO) == 1

  /// Shows the share done, at most ten times a second.
  static func meter(_ what: String) -> (UInt64, UInt64) -> Void {
    guard isShown else { return { _, _ in } }
    var shownAt = 0.0
    return { done, all in
      let now = ProcessInfo.processInfo.systemUptime
      guard all > 0, now - shownAt > 0.1 else { return }
      shownAt = now
      write("\r\(what): \(done * 100 / all) % of \(all >> 20) MiB ")
    }
  }

  static func show(_ text: String) { if isShown { write("\r\(text) ") } }
  static func clear() { if isShown { write("\r\u{1B}[K") } }

  private static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
