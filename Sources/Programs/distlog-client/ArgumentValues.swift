import ArgumentParser
import ClientProgram
import DistlogClient
import Glibc

// How values are read from the command line; a nil becomes a usage error that names the flag.

extension Framing: ExpressibleByArgument {}
extension ProduceSettings.AckOutput: ExpressibleByArgument {}

extension StartPosition: ExpressibleByArgument {
  package init?(argument: String) {
    guard let position = StartPosition.parse(argument) else { return nil }
    self = position
  }
}

extension StopPosition: ExpressibleByArgument {
  package init?(argument: String) {
    guard let position = StopPosition.parse(argument) else { return nil }
    self = position
  }
}

extension TimePoint: ExpressibleByArgument {
  package init?(argument: String) {
    let text = argument.hasPrefix("@") ? String(argument.dropFirst()) : argument
    guard let time = TimePoint.parse(text) else { return nil }
    self = time
  }
}

/// A duration with a unit.
struct DurationValue: ExpressibleByArgument {
  let duration: Duration

  init?(argument: String) {
    guard let duration = DurationText.parse(argument) else { return nil }
    self.duration = duration
  }
}

/// A size, with or without a unit.
struct ByteCountValue: ExpressibleByArgument {
  let bytes: UInt64

  init?(argument: String) {
    guard let bytes = ByteCountText.parse(argument) else { return nil }
    self.bytes = bytes
  }
}

/// `name=value`.
struct HeaderValue: ExpressibleByArgument {
  let header: Record.Header

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
      return nil
    }
    header = Record.Header(
      name: String(argument[..<equals]),
      value: Array(argument[argument.index(after: equals)...].utf8))
  }
}

enum WallClock {
  /// Nanoseconds since 1970.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
