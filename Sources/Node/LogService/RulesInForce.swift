package import AccessControl
import Synchronization

/// The rules of who may do what as they are now; a reload replaces them.
///
/// Connections keep their decisions, and look at `generation` before they use one.
package final class RulesInForce: Sendable {
  private let authorizer: Mutex<Authorizer>
  private let replaced = Atomic<Int>(0)

  package init(_ authorizer: Authorizer) {
    self.authorizer = Mutex(authorizer)
  }

  /// How often the rules were replaced.
  var generation: Int { replaced.load(ordering: .acquiring) }

  var current: Authorizer { authorizer.withLock { $0 } }

  func replace(_ new: Authorizer) {
    authorizer.withLock { $0 = new }
    replaced.add(1, ordering: .acquiringAndReleasing)
  }
}
