import Agent
import ArgumentParser
import CommitLog
import Foundation
import RaftAPI
import RaftNode

/// Makes the one server that is left of a cluster a cluster of its own.
struct Recover: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make this server a cluster of its own, after a majority is lost for good.",
    discussion: """
      Only when no majority can ever be started again. Choose the server with the highest end offset. Records that only the \
      lost servers had are gone, though they may have been acknowledged. The cluster gets a new id: servers that still have \
      the old one neither disturb it nor belong to it. Empty their data folders, start them, and add them with \
      `distlog-client cluster add`.

      Shows what this server has and asks to type the cluster's id. No server may have the folder open. Exits 0 when it was \
      done, 10 when nothing was changed, 74 when the folder cannot be read or written.
      """)

  @Argument(help: "The data folder.")
  var folder: String
  @Option(help: "The cluster's id, in place of typing it.")
  var confirm: String?

  func run() throws {
    OpenFiles.raiseLimit()
    let recovery = Exit.orLeave { () throws(CommitLogError) in
      try ClusterRecovery(folder, disk: LinuxDisk(), options: CommitLog.Options())
    }
    let names = recovery.members.map(\.name).joined(separator: ", ")
    note("cluster  \(recovery.clusterID)")
    note("server   \(recovery.own?.name ?? "no member any more")")
    note("members  \(names)")
    note(
      "records  offsets \(recovery.offsets.lowerBound) to \(recovery.offsets.upperBound), known to be committed up to \(recovery.committedEnd)"
    )
    guard recovery.members.map(\.id) != recovery.own.map({ [$0.id] }) else {
      note("It is the only member already; there is nothing to recover.")
      return
    }
    var typed = confirm
    if typed == nil {
      note("Servers that are lost take their records with them. To go on, type the cluster's id:")
      typed = readLine()
    }
    guard typed == recovery.clusterID else {
      note("distlogd: that is not \(recovery.clusterID); nothing was changed")
      throw ExitCode(10)
    }
    let old = recovery.clusterID
    let new = Exit.orLeave { () throws(CommitLogError) -> String in
      let new = try recovery.run()
      try recovery.close()
      return new
    }
    note("Cluster \(old) is now cluster \(new), of this server alone.")
    note("Start it; empty the folders of all others, start them, and add them again.")
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
