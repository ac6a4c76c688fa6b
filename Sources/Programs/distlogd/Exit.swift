import AccessControl
import Agent
import CommitLog
import Foundation
import TLS

/// The server's exit codes, which are those of sysexits.h.
enum Exit {
  private static let unavailable: Int32 = 69
  private static let software: Int32 = 70
  private static let input: Int32 = 74
  private static let configuration: Int32 = 78

  static func orLeave<Value, Failure: Error>(_ body: () throws(Failure) -> Value) -> Value {
    do {
      return try body()
    } catch {
      leave(error)
    }
  }

  /// Writes results; ends the process where nobody can take them.
  static func write(_ text: String) { write(Data(text.utf8)) }

  static func write(_ bytes: Data) {
    do {
      try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
      LogSink.standardError.write(
        "distlogd: the output cannot be written: \(error.localizedDescription)\n")
      LogSink.standardError.flush(seconds: 1)
      exit(input)
    }
  }

  /// Says what is wrong and ends the process.
  static func leave(_ error: any Error) -> Never {
    LogSink.standardError.write("distlogd: \(error)\n")
    LogSink.standardError.flush(seconds: 1)
    exit(code(of: error))
  }

  private static func code(of error: any Error) -> Int32 {
    switch error {
    case is ConfigurationError, is PolicyError, is TLSError: configuration
    case is CommitLogError, is DataFolderError, is DevFolderError, is CocoaError: input
    case is ListenError: unavailable
    default: software
    }
  }
}
