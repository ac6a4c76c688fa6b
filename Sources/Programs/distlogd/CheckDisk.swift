import ArgumentParser
import ClientProgram
import CommitLog
import Foundation

/// Measures what a disk does for a log.
struct CheckDisk: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-disk",
    abstract:
      "Measure write and fdatasync in a folder: how long an acknowledgement waits for the disk.",
    discussion: """
      Writes groups of several sizes to a file without a name in the folder, reserved as a segment is, and syncs \
      each: the bare loop that the benchmarks are held against. The verdict is about 4 KiB: good up to 5 ms at the 99th \
      percentile, slow up to 25 ms, unfit above. Exits 10 when unfit.
      """)

  @Argument(help: "A folder on the disk to measure.")
  var folder: String
  @Option(help: "Seconds in all.")
  var seconds = 10.0
  @Option(name: [.short, .long], help: "table or json.")
  var output = OutputForm.table

  private static let sizes = [4 << 10, 64 << 10, 1 << 20]

  func validate() throws {
    guard seconds >= 0.3, seconds <= 600 else {
      throw ValidationError("--seconds is from 0.3 to 600")
    }
  }

  func run() throws {
    var probes: [DiskProbe] = []
    for size in Self.sizes {
      Progress.show("check-disk: \(ByteCountText.format(UInt64(size))) at a time")
      probes.append(
        Exit.orLeave { () throws(CommitLogError) in
          try DiskProbe(
            folder: folder, groupBytes: size, seconds: seconds / Double(Self.sizes.count))
        })
    }
    Progress.clear()
    let slowest = probes[0].quantile(0.99)
    let verdict = slowest <= 5_000_000 ? "good" : slowest <= 25_000_000 ? "slow" : "unfit"
    print(output == .json ? json(probes, verdict) : table(probes, verdict))
    if verdict == "unfit" { throw ExitCode(10) }
  }

  private func table(_ probes: [DiskProbe], _ verdict: String) -> String {
    var table = Table([
      ("BYTES A WRITE", .right), ("WRITES/S", .right), ("MIB/S", .right), ("P50", .right),
      ("P99", .right), ("MAX", .right),
    ])
    for probe in probes {
      let mib = probe.groupsPerSecond * Double(probe.groupBytes) / 1_048_576
      table.add([
        "\(probe.groupBytes)", "\(Int(probe.groupsPerSecond))", String(format: "%.1f", mib),
        Self.milliseconds(probe.quantile(0.5)), Self.milliseconds(probe.quantile(0.99)),
        Self.milliseconds(probe.times.last ?? 0),
      ])
    }
    return table.text
      + "\n\(verdict): an acknowledgement waits \(Self.milliseconds(probes[0].quantile(0.5))) for "
      + "this disk, one in a hundred \(Self.milliseconds(probes[0].quantile(0.99)))"
  }

  private func json(_ probes: [DiskProbe], _ verdict: String) -> String {
    var object = JSONObject()
    object.set("verdict", verdict)
    object.set(
      "writes",
      probes.map { probe in
        var one = JSONObject()
        one.set("bytes", probe.groupBytes)
        one.set("writes", probe.times.count)
        one.set("writesPerSecond", probe.groupsPerSecond)
        one.set("p50Microseconds", Double(probe.quantile(0.5)) / 1000)
        one.set("p99Microseconds", Double(probe.quantile(0.99)) / 1000)
        one.set("maxMicroseconds", Double(probe.times.last ?? 0) / 1000)
        return one
      })
    return object.text
  }

  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    String(format: "%.2f ms", Double(nanoseconds) / 1e6)
  }
}
