import Agent
import Foundation
import Testing

@Suite struct LogSinkTests {
  @Test func `lines come out whole and in order`() throws {
    let pipe = Pipe()
    let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
    for number in 0..<1000 { sink.write("line \(number)\n") }
    sink.flush(seconds: 10)
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text == (0..<1000).map { "line \($0)\n" }.joined())
  }

  @Test func `lines that cannot be written are lost and stop nothing`() throws {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    for descriptor in [full, -1] {
      let sink = LogSink(descriptor: descriptor)
      for number in 0..<100 { sink.write("line \(number)\n") }
      sink.flush(seconds: 10)
    }
  }

  @Test func `a reader that takes nothing holds nobody up, and learns how many lines it missed`()
    throws
  {
    let pipe = Pipe()
    let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
    let line = String(repeating: "x", count: 1023) + "\n"
    // Three times what may wait here, while a pipe takes 64 KiB.
    for _ in 0..<3072 { sink.write(line) }
    // Drops may be told in several lines: one for each time that the sink found room again.
    var (written, dropped, rest) = (0, 0, "")
    while written + dropped < 3072 {
      let taken = pipe.fileHandleForReading.availableData
      try #require(!taken.isEmpty)
      let text = rest + String(decoding: taken, as: UTF8.self)
      let end = text.lastIndex(of: "\n").map { text.index(after: $0) } ?? text.startIndex
      rest = String(text[end...])
      for line in text[..<end].split(separator: "\n") {
        if line.hasPrefix("x") { written += 1 }
        if line.hasSuffix(" log lines were dropped: nobody took them in time") {
          dropped += try #require(Int(line.prefix { $0 != " " }))
        }
      }
    }
    sink.flush(seconds: 10)
    #expect(written + dropped == 3072)
    // What waits, what is being written, and what the pipe took is kept.
    #expect(dropped >= 3072 - 2 * 1024 - 64)
  }
}
