import Agent
import ArgumentParser
import CommitLog
import Foundation

/// Makes a data folder of a backup.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Make a data folder of a backup that `distlog-client backup` wrote.",
    discussion: """
      The folder must not exist, or be empty. Nothing of it is seen before all is written, verified and on disk; a \
      backup with a single wrong bit is refused. Records keep their offsets. The folder gets a new cluster id \
      unless --keep-cluster-id is given.
      """)

  @Argument(help: "The backup.")
  var file: String
  @Option(name: [.customLong("data-dir"), .customLong("data")], help: "The new data folder.")
  var dataDir: String?
  @Flag(name: .long, help: "Keep the cluster's id: for a cluster that is gone for good.")
  var keepClusterId = false
  @Flag(name: .long, help: "Take a new cluster id (the default).")
  var newClusterId = false
  @Flag(name: .long, help: "Read and verify the backup, write nothing.")
  var dryRun = false

  func validate() throws {
    if keepClusterId, newClusterId {
      throw ValidationError("--keep-cluster-id and --new-cluster-id exclude each other")
    }
    if dataDir == nil, !dryRun {
      throw ValidationError("--data-dir is missing: name the new data folder")
    }
  }

  func run() throws {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      Exit.leave(CommitLogError.io(file: file, call: "open", code: errno))
    }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    let meter = Progress.meter("restore")
    var done: UInt64 = 0
    let source = { (buffer: UnsafeMutableRawBufferPointer) throws -> Int in
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      guard count >= 0 else { throw CommitLogError.io(file: file, call: "read", code: errno) }
      done += UInt64(count)
      meter(done, UInt64(status.st_size))
      return count
    }
    let summary = Exit.orLeave { () throws(any Error) in
      if dryRun { return try CommitLog.inspect(file, source) }
      var options = CommitLog.Options()
      options.note = { LogSink.standardError.write("distlogd: \($0)\n") }
      return try CommitLog.restore(
        file, into: dataDir ?? "", options: options, keepsClusterID: keepClusterId, source)
    }
    Progress.clear()
    LogSink.standardError.flush(seconds: 1)
    print(
      "\(dryRun ? "verified" : "restored") offsets \(summary.offsets.lowerBound) to "
        + "\(summary.offsets.upperBound), \(summary.frames) batches, \(summary.bytes) bytes, taken in cluster "
        + summary.clusterID)
  }
}
