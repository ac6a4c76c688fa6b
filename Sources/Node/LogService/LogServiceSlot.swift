import GRPCWire
import LogAPI
package import RPC
import RaftService
import Synchronization

/// The place of the log service in a server that listens before it has a log: until then calls are answered that it takes
/// part in no cluster yet.
package final class LogServiceSlot: Sendable {
  private let service = AtomicLazyReference<LogService>()

  package init() {}

  /// Once.
  package func fill(_ service: LogService) { _ = self.service.storeIfNil(service) }

  /// What to register with a server.
  package var methods: [RPCMethod] {
    LogMethod.allCases.enumerated().map { ordinal, method in
      RPCMethod(
        path: method.path, shape: method.shape,
        maxMessageBytes: method.action == "produce" ? nil : 64 << 10
      ) { [self] call in
        guard let service = service.load() else {
          return RefusedCall(.notReady, call, waitsForRequest: method.shape != .bidirectional)
        }
        return service.start(method, ordinal, call)
      }
    }
  }
}
