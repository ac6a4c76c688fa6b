internal import Glibc

/// Asks the system about a name and a port, step by step, so that a failure has its own sentence.
package enum NetworkProbe {
  /// The addresses of a name, or why there are none.
  package static func addresses(of host: String) -> Result<[String], ProbeFailure> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard code == 0 else { return .failure(ProbeFailure(String(cString: gai_strerror(code)))) }
    var found: [String] = []
    var next = list
    while let entry = next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let named = getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
        NI_NUMERICHOST)
      if named == 0 {
        let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        if !found.contains(address) { found.append(address) }
      }
      next = entry.pointee.ai_next
    }
    return .success(found)
  }

  /// Connects to the first address that takes it, and hangs up; why none did.
  package static func connect(
    to addresses: [String], port: Int, timeout: Duration
  ) -> Result<String, ProbeFailure> {
    var last = ProbeFailure("there is no address")
    for address in addresses {
      switch connect(to: address, port: port, timeout: timeout) {
      case .success: return .success(address)
      case .failure(let failure): last = failure
      }
    }
    return .failure(last)
  }

  private static func connect(
    to address: String, port: Int, timeout: Duration
  ) -> Result<Void, ProbeFailure> {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, String(port), &hints, &list) == 0, let entry = list else {
      return .failure(ProbeFailure("\(address) is no address"))
    }
    defer { freeaddrinfo(entry) }
    let descriptor = socket(
      entry.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return .failure(ProbeFailure(String(cString: strerror(errno)))) }
    defer { close(descriptor) }
    if Glibc.connect(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 {
      return .success(())
    }
    guard errno == EINPROGRESS else {
      return .failure(ProbeFailure(String(cString: strerror(errno))))
    }
    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    let milliseconds = Int32(clamping: timeout.inNanoseconds / 1_000_000)
    guard poll(&wait, 1, milliseconds) > 0 else {
      return .failure(ProbeFailure("no answer within \(DurationText.format(timeout))"))
    }
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    return code == 0 ? .success(()) : .failure(ProbeFailure(String(cString: strerror(code))))
  }
}

/// In the system's words.
package struct ProbeFailure: Error, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
