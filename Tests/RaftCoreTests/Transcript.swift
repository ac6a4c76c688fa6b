import ClusterModel
import RaftCore

/// Runs the commands of a transcript and writes what happens beneath each.
///
/// A line that does not start with a space or a vertical bar is a command or, with #, a remark. What
/// happens is written with a bar in front, so that running the result gives the result.
struct Transcript {
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  private var lab: Lab?

  static func run(_ text: String) throws -> String {
    var transcript = Transcript()
    var out = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("|") { continue }
      out += line + "\n"
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      for happened in try transcript.perform(String(line)) { out += "| \(happened)\n" }
    }
    // The last line's own end is no line.
    while out.hasSuffix("\n\n") { out.removeLast() }
    return out
  }

  private mutating func perform(_ line: String) throws -> [String] {
    let words = line.split(separator: " ").map(String.init)
    if words[0] == "nodes" {
      let learners = words.firstIndex(of: "learners").flatMap { Int(words[$0 + 1]) } ?? 0
      lab = Lab(voters: try number(words, 1), learners: learners)
      return []
    }
    guard var lab else { throw Fault(description: "the first command must be nodes: \(line)") }
    self.lab = nil
    defer { self.lab = lab }
    try perform(words, &lab)
    defer { lab.lines = [] }
    return lab.lines
  }

  private func perform(_ words: [String], _ lab: inout Lab) throws {
    switch words[0] {
    case "timeout": lab.timeout(try node(words, 1))
    case "deliver":
      guard words.count > 1 else { return lab.deliver() }
      let fits = try filter(words)
      lab.deliver(where: fits)
    case "drop": lab.drop(where: try filter(words))
    case "pass": lab.run(nanoseconds: UInt64(try number(words, 1)) * 1_000_000)
    case "propose":
      lab.propose(try node(words, 1), words.count > 2 ? UInt64(try number(words, 2)) : 1)
    case "cut": for word in words.dropFirst() { lab.cutOff.insert(Lab.node(try node(word))) }
    case "heal": lab.cutOff.removeAll()
    case "hold": lab.hold(try node(words, 1), true)
    case "release": lab.hold(try node(words, 1), false)
    case "crash": lab.crash(try node(words, 1))
    case "start":
      let losing = words.count > 3 ? UInt64(try number(words, 3)) : 0
      lab.start(try node(words, 1), losing: losing)
    case "read": lab.handle(try node(words, 1), .read(id: UInt64(try number(words, 2))))
    case "transfer": lab.handle(try node(words, 1), .transfer(to: Lab.node(try node(words, 2))))
    case "diskfails": lab.handle(try node(words, 1), .diskFailed)
    case "change": try change(words, &lab)
    case "messages": lab.maxEntries = UInt64(try number(words, 1))
    case "state": lab.lines += lab.desks.map { $0.isUp ? $0.core.text : "\($0.core.id) is down" }
    default: throw Fault(description: "unknown command: \(words[0])")
    }
  }

  /// change n1 voters n1 n2 n3 learners n4
  private func change(_ words: [String], _ lab: inout Lab) throws {
    let leader = try node(words, 1)
    let learners = words.firstIndex(of: "learners") ?? words.count
    let membership = Membership(
      voters: try words[3..<learners].map { Lab.node(try node($0)) },
      learners: try words[min(learners + 1, words.count)...].map { Lab.node(try node($0)) })
    for number in membership.all.map({ Int($0.low) }) where number > lab.desks.count {
      lab.add(number, Membership(), lab[1].settings)
    }
    do throws(RaftRefusal) {
      try lab.change(leader, to: membership)
    } catch {
      lab.lines.append("refused: \(error)")
    }
  }

  /// n1 -> n2, where * is any node
  private func filter(_ words: [String]) throws -> (Lab.Letter) -> Bool {
    guard words.count >= 4, words[2] == "->" else {
      throw Fault(description: "\(words[0]) <from> -> <to>")
    }
    let from = words[1] == "*" ? nil : Lab.node(try node(words[1]))
    let to = words[3] == "*" ? nil : Lab.node(try node(words[3]))
    return { (from == nil || $0.from == from) && (to == nil || $0.to == to) }
  }

  private func node(_ words: [String], _ place: Int) throws -> Int {
    guard words.count > place else { throw Fault(description: "\(words[0]) wants a node") }
    return try node(words[place])
  }

  private func node(_ word: String) throws -> Int {
    guard word.hasPrefix("n"), let number = Int(word.dropFirst()) else {
      throw Fault(description: "\(word) is no node")
    }
    return number
  }

  private func number(_ words: [String], _ place: Int) throws -> Int {
    guard words.count > place, let number = Int(words[place]) else {
      throw Fault(description: "\(words[0]) wants a number")
    }
    return number
  }
}
