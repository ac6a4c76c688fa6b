import ClusterModel
package import CommitLog
package import NIOCore
import Protobuf
import RPC
import RaftAPI
import RaftNode
package import TLS

/// Gets entries that were damaged on this server's disk from the others (RAFT-RULES 31; Alagappan et al., "Protocol-aware
/// recovery for consensus-based storage", 2018): an entry that is committed is the same bytes everywhere, so the frame of
/// another server is put in the place of the bad one. Nothing is cut, and nobody votes on what he does not have.
struct FaultMending: Sendable {
  /// Cluster and log, as the others call them.
  let clusterID: String
  let logID: String
  let questions: PeerQuestion

  /// Between two rounds of asking all.
  static let pause = Duration.seconds(1)

  /// The entries of the fault, or the first of them; nil where none of `peers` has them now.
  func frames(for fault: SegmentFault, from peers: [PeerAddress]) async -> StoredFrames? {
    var request = FetchRequest()
    request.clusterID = clusterID
    request.logID = logID
    request.index = fault.index
    request.endIndex = fault.end?.index ?? 0
    for peer in peers {
      guard
        let answer = try? await questions.ask(
          .fetch, request.serialized(), at: peer, timeout: .seconds(5)),
        let response = try? FetchResponse(serialized: answer),
        let frames = try? StoredFrames(checking: response.frames),
        frames.headers.first?.index == fault.index
      else { continue }
      return frames
    }
    return nil
  }
}

/// What became of damage.
package enum MendingOutcome: Sendable, Equatable {
  /// So many entries are as they were.
  case mended(entries: Int)
  /// Another server's entries do not fit in the place.
  case doesNotFit(SegmentFault)
}

// MARK: - While the server runs

extension RaftRunner {
  /// Damage was met by whoever reads; it is mended if there are others. Any thread.
  package func noteDamage(_ error: CommitLogError) {
    guard case .corrupt(let file, _, _, _) = error, file.hasSuffix(".store") else { return }
    eventLoop.execute { [self] in
      guard !isStopping, mending[file] == nil else { return }
      let isAlone = replica.latest.members.count <= 1
      // Told once of a file that nobody mends.
      if !isAlone || hopeless.insert(file).inserted { notice(.damaged(error)) }
      guard !isAlone else { return }
      mending[file] = Task { [self] in
        if let outcome = await mend(file) { notice(.mended(file, outcome)) }
        eventLoop.execute { [self] in mending[file] = nil }
      }
    }
  }

  private func mend(_ file: String) async -> MendingOutcome? {
    let mending = FaultMending(
      clusterID: "\(identity.clusterID)", logID: "\(identity.logInstanceID)",
      questions: PeerQuestion(tls: tlsInUse, eventLoop: eventLoop))
    var count = 0
    while !Task.isCancelled {
      let status = status
      let found = await onDisk { engine in
        engine.noteCommitted(status.appliedIndex)
        return try? engine.faults(inFile: file)
      }
      guard let faults = found ?? nil else { return nil }
      guard let fault = faults.first else { return count > 0 ? .mended(entries: count) : nil }
      let others = status.members.filter { $0.id != id }
      let order =
        others.filter { $0.id == status.leader } + others.filter { $0.id != status.leader }
      guard
        let frames = await mending.frames(
          for: fault, from: order.compactMap { PeerAddress($0.address) })
      else {
        try? await Task.sleep(for: FaultMending.pause)
        continue
      }
      guard let written = await onDisk({ try? $0.mend(fault, frames) }) ?? nil else { return nil }
      if written == 0 { return .doesNotFit(fault) }
      count += written
    }
    return nil
  }

  /// Runs `body` on the disk's thread; nil when this server is stopping.
  func onDisk<Value: Sendable>(
    _ body: @escaping @Sendable (LogEngine<LinuxDisk>) -> Value
  ) async -> Value? {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        guard !isStopping else { return continuation.resume(returning: nil) }
        let engine = replica.engine
        diskThread.run { continuation.resume(returning: body(engine)) }
      }
    }
  }

  /// Committed entries for another server; on the disk's thread, for they may have to come from it.
  func answer(
    _ request: FetchRequest,
    _ done: @escaping @Sendable (Result<FetchResponse, FetchFailure>) -> Void
  ) {
    eventLoop.execute { [self] in
      let last = replica.applied.tail.nextIndex - 1
      guard !isStopping, request.clusterID == "\(identity.clusterID)",
        request.logID == "\(identity.logInstanceID)", request.index >= 1, request.index <= last
      else { return done(.failure(.notHere)) }
      let end = request.endIndex == 0 ? last : min(last, request.endIndex - 1)
      diskThread.run { [self, engine = replica.engine] in
        do throws(CommitLogError) {
          let frames = try engine.frames(
            from: request.index, through: max(request.index, end), maxBytes: 1 << 20)
          guard !frames.isEmpty else { return done(.failure(.notHere)) }
          var response = FetchResponse()
          response.frames = frames.bytes
          done(.success(response))
        } catch {
          noteDamage(error)
          done(.failure(.unreadable("\(error)")))
        }
      }
    }
  }
}

/// Why a server does not give entries.
enum FetchFailure: Error, Equatable, Sendable {
  /// Not committed as far as it knows, not kept any more, or of another log.
  case notHere
  case unreadable(String)
}

// MARK: - Before the server starts

/// Mends a data folder that cannot be opened because acknowledged entries in it are damaged.
package struct FolderMending: Sendable {
  private let folder: String
  private let peers: [PeerAddress]
  private let questions: PeerQuestion

  /// - Parameters:
  ///   - peers: where the other servers listen.
  ///   - tls: this server's certificate as a client of the others.
  package init(
    _ folder: String, peers: [PeerAddress], tls: TLSContext?, on eventLoop: any EventLoop
  ) {
    self.folder = folder
    self.peers = peers
    questions = PeerQuestion(tls: tls, eventLoop: eventLoop)
  }

  /// Returns when all entries are there that should be, or one does not fit. Asks for as long as it takes.
  ///
  /// - Parameter waiting: told each time that nobody has what is missing.
  package func run(
    waiting: (SegmentFault) -> Void
  ) async throws -> MendingOutcome {
    let mender = try FolderMender(folder, disk: LinuxDisk())
    let mending = FaultMending(
      clusterID: "\(mender.identity.clusterID)", logID: "\(mender.identity.logInstanceID)",
      questions: questions)
    var count = 0
    while true {
      try Task.checkCancellation()
      guard let fault = try mender.faults().first else { return .mended(entries: count) }
      var frames = await mending.frames(for: fault, from: peers)
      while frames == nil {
        waiting(fault)
        try await Task.sleep(for: FaultMending.pause)
        frames = await mending.frames(for: fault, from: peers)
      }
      guard let frames, case let written = try mender.mend(fault, frames), written > 0 else {
        return .doesNotFit(fault)
      }
      count += written
    }
  }
}
