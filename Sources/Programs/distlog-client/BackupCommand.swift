import ArgumentParser
import ClientProgram
import CommitLog
import DistlogClient
import Glibc

/// Writes the image of a log to a file while the log goes on.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a log as it is now to a file, while it goes on.",
    subcommands: [BackupWriteCommand.self, BackupInspectCommand.self],
    defaultSubcommand: BackupWriteCommand.self)
}

struct BackupWriteCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "write", abstract: "Write the backup (the default).",
    discussion: """
      The file appears under its name when all of it is verified and on disk. `distlogd restore` makes \
      a data folder of it. Needs the action `backup`.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The file to write.")
  var file: String

  @Option(help: ArgumentHelp("The log. (DISTLOG_LOG)", valueName: "name"))
  var log: String?

  @Flag(help: "Replace the file if it is there.")
  var force = false

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    if !force, access(file, F_OK) == 0 {
      throw ProgramFailure(
        .localIO, code: "LOCAL_IO", "\(file) is there already",
        hint: "name another file, or use --force")
    }
    let draft = file + ".part"
    let output = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw .io("\(draft) cannot be made", errno: errno) }
    var isDone = false
    defer {
      close(output)
      if !isDone { unlink(draft) }
    }
    let client = try context.client()
    do {
      try await client.backup(
        of: context.log(log), progress: { context.notes.progress(bytes: $0, of: $1) },
        { try Self.write($0, to: output, named: draft) })
    } catch let error as DistlogError {
      throw ProgramFailure(error)
    } catch let error as ProgramFailure {
      throw error
    } catch {
      throw ProgramFailure(.failure, code: "FAILED", "\(error)")
    }
    let summary = try BackupInspectCommand.inspect(draft)
    guard fsync(output) == 0 else { throw .io("\(draft) cannot be synced", errno: errno) }
    guard rename(draft, file) == 0 else { throw .io("\(file) cannot be made", errno: errno) }
    isDone = true
    try Self.syncFolder(of: file)
    try context.show(json: summary.json.text, table: summary.line)
  }

  private static func write(
    _ bytes: [UInt8], to file: Int32, named name: String
  ) throws(ProgramFailure) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .io("\(name) cannot be written", errno: errno) }
      written += count
    }
  }

  private static func syncFolder(of file: String) throws(ProgramFailure) {
    let end = file.lastIndex(of: "/")
    let folder = end.map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .io("\(folder) cannot be opened", errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .io("\(folder) cannot be synced", errno: errno) }
  }
}

struct BackupInspectCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Verify a backup and say what it holds; asks no server.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The backup.")
  var file: String

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let summary = try Self.inspect(file)
    try context.show(json: summary.json.text, table: summary.line)
  }

  static func inspect(_ file: String) throws(ProgramFailure) -> SnapshotSummary {
    let input = open(file, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .io("\(file) cannot be opened", errno: errno) }
    defer { close(input) }
    do {
      return try CommitLog.inspect(file) { buffer in
        while true {
          let count = read(input, buffer.baseAddress, buffer.count)
          if count >= 0 { return count }
          if errno != EINTR { throw ProgramFailure.io("\(file) cannot be read", errno: errno) }
        }
      }
    } catch let error as ProgramFailure {
      throw error
    } catch {
      throw ProgramFailure(.localIO, code: "BACKUP_DAMAGED", "\(error)")
    }
  }
}

extension SnapshotSummary {
  var json: JSONObject {
    var object = JSONObject()
    object.set("startOffset", offsets.lowerBound)
    object.set("endOffset", offsets.upperBound)
    object.set("batches", frames)
    object.set("bytes", bytes)
    object.set("clusterId", clusterID)
    return object
  }

  var line: String {
    "offsets \(offsets.lowerBound) to \(offsets.upperBound), \(frames) batches, "
      + "\(ByteCountText.format(bytes)), taken in cluster \(clusterID)\n"
  }
}
