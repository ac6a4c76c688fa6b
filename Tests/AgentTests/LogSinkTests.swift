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
    let reader = pipe.fileHandleForReading
    var text = ""
    while !text.contains("log lines were dropped") {
      text += String(decoding: reader.availableData, as: UTF8.self)
    }
    sink.flush(seconds: 10)
    let dropped = try #require(
      text.split(separator: "\n").last { $0.hasSuffix("in time") }?
        .split(separator: " ").first.flatMap { Int($0) })
    let written = text.split(separator: "\n").filter { $0.hasPrefix("x") }.count
    #expect(written + dropped == 3072)
    #expect(dropped > 1000)
  }
}
