internal import Foundation
internal import NIOCore

/// The server's address cannot be had; the message names it and why.
package struct ListenError: Error, CustomStringConvertible {
  package let description: String

  init(_ address: AgentConfiguration.Address, _ error: any Error) {
    guard let error = error as? IOError else {
      description = "cannot listen on \(address): \(error)"
      return
    }
    let reason = String(cString: strerror(error.errnoCode))
    let remedy =
      switch error.errnoCode {
      case EADDRINUSE: "; is another server running there? Name another port with --listen"
      case EACCES: "; ports below 1024 need a privilege"
      case EADDRNOTAVAIL: "; this machine has no such address"
      default: ""
      }
    description = "cannot listen on \(address): \(reason)\(remedy)"
  }
}
