/// What is told on standard error: progress, summaries, warnings.
@MainActor
package final class Notes {
  private let sink: OutputSink
  private let asJSON: Bool
  private let showsProgress: Bool
  private let began = ContinuousClock.now
  private var lastProgress = ContinuousClock.now
  private var hasProgressLine = false

  private static let progressInterval: Duration = .milliseconds(250)

  package init(_ sink: OutputSink = .standardError, asJSON: Bool) {
    self.sink = sink
    self.asJSON = asJSON
    showsProgress = sink.isTerminal && !asJSON
  }

  /// How far a long piece of work is, on a terminal, a few times a second.
  package func progress(records: UInt64, bytes: UInt64) {
    guard showsProgress else { return }
    let now = ContinuousClock.now
    guard now - lastProgress >= Self.progressInterval else { return }
    lastProgress = now
    let seconds = max((now - began).inSeconds, 1e-3)
    let rate = UInt64(Double(records) / seconds)
    let flow = ByteCountText.format(UInt64(Double(bytes) / seconds))
    hasProgressLine = true
    say(
      "\r\u{1B}[K\(DecimalText.grouped(records)) records, \(DecimalText.grouped(rate))/s, \(flow)/s"
    )
  }

  /// The same of work whose size is known.
  package func progress(bytes: UInt64, of all: UInt64) {
    guard showsProgress, all > 0 else { return }
    let now = ContinuousClock.now
    guard now - lastProgress >= Self.progressInterval else { return }
    lastProgress = now
    hasProgressLine = true
    let share = min(100, bytes * 100 / all)
    say("\r\u{1B}[K\(share) % of \(ByteCountText.format(all))")
  }

  package func warn(_ text: String) {
    guard asJSON else { return line("warning: \(text)") }
    var object = JSONObject()
    object.set("warning", text)
    line(object.text)
  }

  /// A word to whoever sits at the terminal.
  package func prompt(_ text: String) { if !asJSON { line(text) } }

  package func summary(_ summary: Summary) { line(asJSON ? summary.json.text : summary.line) }

  private func line(_ text: String) {
    if hasProgressLine { say("\r\u{1B}[K") }
    hasProgressLine = false
    say(text + "\n")
  }

  /// Nothing can be done about a standard error that takes nothing.
  private func say(_ text: String) { try? sink.write(text) }
}
