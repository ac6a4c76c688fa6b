import Agent
import ArgumentParser
import ClientProgram
import CommitLog
import Foundation

/// Looks at every byte of a data folder, and repairs what can be.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a data folder byte by byte, while no server has it open.",
    discussion: """
      Lists what is wrong with segment, byte position and offset, and what --repair would do. Changes \
      nothing without --repair, which lists first, asks to type the log's id, and saves removed bytes \
      in a folder saved-<time> in the data folder.

      Exits 0 when all is well or was repaired, 10 when something is wrong, 74 when the folder cannot be read.
      """)

  @Argument(help: "The data folder.")
  var folder: String
  @Flag(help: "Do what the list says, after a typed confirmation.")
  var repair = false
  @Option(help: "The log's id, in place of typing it.")
  var confirm: String?
  @Option(name: [.short, .long], help: "table or json.")
  var output = OutputForm.table

  func run() throws {
    OpenFiles.raiseLimit()
    let inspection = Exit.orLeave { () throws(CommitLogError) in
      try CommitLog.inspect(folder: folder, progress: Progress.meter("verify"))
    }
    Progress.clear()
    Exit.write(
      (output == .json ? InspectionText.json(inspection) : InspectionText.table(inspection)) + "\n")
    guard !inspection.isSound else { return }
    guard repair else { throw ExitCode(10) }
    try mend(inspection)
  }

  private func mend(_ inspection: Inspection) throws {
    guard let id = inspection.identity?.logInstanceID.description else { throw ExitCode(10) }
    if inspection.findings.contains(where: { $0.remedy == .leave }) {
      note("Records that cannot be read stay where they are: reading them is answered DATA_LOSS.")
    }
    var typed = confirm
    if typed == nil {
      note("To go on, type the log's id, \(id):")
      typed = readLine()
    }
    guard typed == id else {
      note("distlogd: that is not \(id); nothing was changed")
      throw ExitCode(10)
    }
    let saved = "\(folder)/saved-\(Self.stamp())"
    let done = Exit.orLeave { () throws(CommitLogError) in
      try CommitLog.repair(folder: folder, inspection, saved: saved)
    }
    for sentence in done { note(sentence) }
    let after = Exit.orLeave { () throws(CommitLogError) in try CommitLog.inspect(folder: folder) }
    let left = after.findings.filter { $0.remedy != .leave }
    note(
      left.isEmpty
        ? "The folder can be served. It holds offsets \(after.offsets.lowerBound) to \(after.offsets.upperBound)."
        : "\(left.count) faults are left.")
    if !left.isEmpty { throw ExitCode(10) }
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// The time of day in a form that sorts and needs no quoting.
  private static func stamp() -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
    return formatter.string(from: Date())
  }
}

/// How results are shown.
enum OutputForm: String, ExpressibleByArgument, CaseIterable {
  case table
  case json
}

/// An inspection as people and as programs read it.
enum InspectionText {
  static func table(_ inspection: Inspection) -> String {
    var table = Table([
      ("SEGMENT", .left), ("OFFSETS", .left), ("FRAMES", .right), ("BYTES", .right),
    ])
    for segment in inspection.segments {
      table.add([
        segment.name, "\(segment.offsets.lowerBound) to \(segment.offsets.upperBound)",
        "\(segment.frames)", "\(segment.bytes)",
      ])
    }
    var text = table.text
    for finding in inspection.findings {
      text +=
        "\n\(finding.file), byte \(finding.position), offset \(finding.offset): \(finding.what)\n"
      text += "  \(remedy(finding.remedy))\n"
    }
    let count = inspection.findings.count
    let verdict = count == 0 ? "sound" : count == 1 ? "1 fault" : "\(count) faults"
    return text + "\noffsets \(inspection.offsets.lowerBound) to \(inspection.offsets.upperBound), "
      + (inspection.wasClosed ? "closed properly" : "not closed properly") + ": \(verdict)"
  }

  static func json(_ inspection: Inspection) -> String {
    var object = JSONObject()
    object.set("sound", inspection.isSound)
    object.set("closed", inspection.wasClosed)
    object.set("startOffset", inspection.offsets.lowerBound)
    object.set("endOffset", inspection.offsets.upperBound)
    object.set("logId", inspection.identity?.logInstanceID.description ?? "")
    object.set(
      "segments",
      inspection.segments.map { segment in
        var one = JSONObject()
        one.set("name", segment.name)
        one.set("startOffset", segment.offsets.lowerBound)
        one.set("endOffset", segment.offsets.upperBound)
        one.set("frames", segment.frames)
        one.set("bytes", segment.bytes)
        return one
      })
    object.set(
      "findings",
      inspection.findings.map { finding in
        var one = JSONObject()
        one.set("file", finding.file)
        one.set("position", finding.position)
        one.set("offset", finding.offset)
        one.set("what", finding.what)
        one.set("remedy", remedy(finding.remedy))
        one.set("damage", finding.isDamage)
        return one
      })
    return object.text
  }

  private static func remedy(_ remedy: Finding.Remedy) -> String {
    switch remedy {
    case .rebuildHeader: "nothing is lost: --repair makes the header anew, and so does a start"
    case .rebuildIndex: "nothing is lost: --repair makes the index anew, and so does a start"
    case .cutTornTail:
      "an unfinished write, never acknowledged: --repair cuts it, and so does a start"
    case .cutExtraBytes: "nothing is lost: --repair saves these bytes aside and cuts them"
    case .moveAside: "a file that does not belong here: --repair saves it aside"
    case .cutLog(_, let offset):
      "--repair ends the log before offset \(offset) and saves the rest aside; restore from a backup if there is one"
    case .leave:
      "reads of these records are answered DATA_LOSS, all others work; --repair changes nothing here"
    case .remake: "--repair makes it anew from the segments"
    case .none: "cannot be repaired: restore from a backup"
    }
  }
}
