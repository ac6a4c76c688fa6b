package import ClusterModel

/// A follower whose next entry is not kept any more gets an image of what follows from the entries before those that are
/// (paper section 7), in parts, and then entries.
extension RaftCore {
  // MARK: The follower

  mutating func receivedImage(_ part: ImagePart, from node: NodeID) {
    guard hear(from: node), !isFenced else { return }
    session = max(session, part.session)
    // What it stands for is committed: a log that has it, or is past it, needs it not (rule 21).
    let isNeeded = part.position.index > commit && !log.contains(part.position)
    guard isNeeded || mutant == .imageOverNewerLog else {
      verified = max(verified, part.position.index)
      return acknowledge()
    }
    guard !isInstalling, part.session == session else { return }
    actions.append(.takeImagePart(part))
  }

  mutating func imagePartKept(_ session: UInt64, _ received: UInt64) {
    guard let leader, role == .follower, session == self.session else { return }
    send(
      .imageAnswer(ImageAnswer(term: hard.term, session: session, received: received)), to: leader)
  }

  /// An image is in place of the log, durably; what it ends with is committed.
  mutating func imageInstalled(_ position: LogPosition, _ entry: MembershipEntry) {
    isInstalling = false
    log = LogTerms(before: position)
    durable = position.index
    commit = max(commit, position.index)
    reportedCommit = max(reportedCommit, position.index)
    writes.removeAll()
    if mutant != .imageWithoutMembers { memberships = MembershipHistory(entry) }
    verified = leader == nil ? 0 : position.index
    actions.append(.membershipChanged(entry.membership))
    acknowledge()
    reportCommit()
  }

  // MARK: The leader

  mutating func receivedImageAnswer(_ answer: ImageAnswer, from node: NodeID) {
    guard role == .leader, let place = place(of: node) else { return }
    progress[place].lastHeard = now
    guard answer.session == progress[place].session, progress[place].state == .receivingImage
    else { return }
    progress[place].lastAdvance = now
    actions.append(.sendImage(to: node, session: answer.session, start: answer.received))
  }

  /// Whether `node` is being sent an image under `session`.
  package func isSendingImage(to node: NodeID, session: UInt64) -> Bool {
    guard role == .leader, let place = place(of: node) else { return false }
    return progress[place].session == session && progress[place].state == .receivingImage
  }
}
