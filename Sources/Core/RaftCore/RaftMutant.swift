/// Ways to be wrong, one at a time, which only the simulator sets: each must be found by it.
package enum RaftMutant: String, CaseIterable, Sendable {
  /// Rule 1: the vote is not durable before it is given.
  case voteNotPersisted
  /// Rule 1: the term is saved, the vote with it is not.
  case termSavedWithoutVote
  /// Rule 6: a follower answers before its disk has the entries.
  case acknowledgedBeforeSync
  /// Rule 7: the leader counts itself before its disk has the entries.
  case leaderCountsItselfEarly
  /// Rule 9: entries of earlier terms are committed by counting.
  case oldTermCommittedByCount
  /// Rule 11: a follower cuts its log behind a short AppendEntries.
  case truncatesOnShortAppend
  /// Rule 12: a follower commits up to its own end.
  case commitsToLogEnd
  /// Rule 4: answers to votes of earlier terms are counted.
  case staleVotesCounted
  /// Rule 15: answers to pre-votes are counted as votes.
  case preVotesCountedAsVotes
  /// Rule 3: stepping down within a term forgets the vote.
  case voteClearedInSameTerm
  /// Rule 5: the candidate's log is not looked at.
  case votesForShorterLog
  /// Rule 10: reads are answered before an entry of this term is committed.
  case readsBeforeNoOperation
  /// Rule 18: reads are answered without asking a majority.
  case readsWithoutQuorum
  /// Rule 19: a membership change does not wait for the one before.
  case twoChangesAtOnce
  /// Rule 19: a membership change does not wait for an entry of this term.
  case changeBeforeNoOperation
  /// Rule 32: a node that may have lost acknowledged entries votes as if it had not.
  case tornNodeVotes
  /// Rule 14: a late answer of an earlier session moves what is known of the follower.
  case staleAnswersCounted
  /// Rule 8: a leader whose write failed goes on in its term.
  case leadsWithFailedDisk
  /// Rule 4: entries of a leader whose term is over are taken.
  case entriesFromThePast
  /// Rule 19: truncation takes an entry back, and not the membership that it brought.
  case membershipOutlivesTruncation
  /// Rule 20: learners are counted as if they voted.
  case learnersCounted
  /// Rule 22: entries are applied as soon as they are on the disk.
  case uncommittedApplied
  /// Rule 24: a request that is in the log already is answered before its entry is committed.
  case duplicateAnsweredEarly
  /// Rule 25: offsets go on behind entries that were taken back.
  case offsetsOutliveTruncation
  /// Rule 21: an image takes the place of a log that has its last entry, or is past it.
  case imageOverNewerLog
  /// Rule 21: the log makes way for an image that is not durable yet.
  case imageSwitchedBeforeDurable
  /// Rule 24: an image says nothing of producers.
  case imageWithoutProducers
  /// Rule 19: the membership that an image brings is not in force.
  case imageWithoutMembers
  /// Paper section 7: who needs entries that are gone is sent those that are left.
  case entriesInPlaceOfImage
  /// Rule 40: segments go before what follows from their entries is kept.
  case segmentsRemovedWithoutState
  /// Rule 40: segments go before the entry that says so is committed.
  case logStartBeforeCommit
  /// Rule 40: the log's start moves back.
  case logStartMovesBack
}
