internal import Glibc

/// Reads what processes have used so far, from /proc.
struct ProcessMeter {
  let processes: [Int32]

  /// A reading; the difference of two is what a row cost.
  struct Reading {
    /// User and system time, nanoseconds.
    var cpu: UInt64 = 0
    /// Nanoseconds on a core, by thread id.
    var threads: [Int32: UInt64] = [:]
    /// Bytes given to the block layer and write calls made, by thread id.
    var writes: [Int32: (bytes: UInt64, calls: UInt64)] = [:]
    /// Resident memory, bytes.
    var resident: UInt64 = 0
    /// Nanoseconds that the cores of the machine were not idle, all processes together.
    var machine: UInt64 = 0
  }

  func read() -> Reading {
    var reading = Reading()
    for process in processes { read(process, &reading) }
    return reading
  }

  private func read(_ process: Int32, _ reading: inout Reading) {
    let root = "/proc/\(process)"
    // The name, field 2, may hold anything but ends with the last parenthesis.
    let fields = Self.text("\(root)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let tick = 1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    // "cpu" and then user, nice, system, idle, iowait, irq, softirq; proc(5).
    let all = Self.text("/proc/stat").prefix { $0 != "\n" }.split(separator: " ")
    reading.machine = 0
    for place in [1, 2, 3, 6, 7] where place < all.count {
      reading.machine += (UInt64(all[place]) ?? 0) * tick
    }
    if fields.count > 21 {
      reading.cpu += ((UInt64(fields[11]) ?? 0) + (UInt64(fields[12]) ?? 0)) * tick
      reading.resident += (UInt64(fields[21]) ?? 0) * UInt64(max(1, getpagesize()))
    }
    for thread in Self.entries("\(root)/task").compactMap({ Int32($0) }) {
      let task = "\(root)/task/\(thread)"
      let run = Self.text("\(task)/schedstat").split(separator: " ").first.flatMap { UInt64($0) }
      reading.threads[thread] = run ?? 0
      let io = Self.text("\(task)/io")
      reading.writes[thread] = (Self.value("write_bytes", io), Self.value("syscw", io))
    }
  }

  private static func value(_ name: String, _ text: String) -> UInt64 {
    for line in text.split(separator: "\n") where line.hasPrefix("\(name): ") {
      return UInt64(line.dropFirst(name.utf8.count + 2)) ?? 0
    }
    return 0
  }

  private static func entries(_ folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  private static func text(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(file, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
  }
}

/// What server and client used between two moments.
struct Usage {
  var seconds: Double
  var serverCPU: Double
  var clientCPU: Double
  /// The share of the time that the busiest thread of each was on a core.
  var serverThread: Double
  var clientThread: Double
  /// Of the server's thread that wrote most to storage: bytes, write calls, share on a core.
  var diskBytes: UInt64
  var diskCalls: UInt64
  var diskThread: Double
  /// Of all threads of all servers: bytes given to storage.
  var storedBytes: UInt64
  var serverResident: UInt64
  /// Seconds of CPU that went to neither: other processes, and the kernel's own threads.
  var otherCPU: Double

  init(
    nanoseconds: UInt64, server: (ProcessMeter.Reading, ProcessMeter.Reading),
    client: (ProcessMeter.Reading, ProcessMeter.Reading)
  ) {
    let whole = Double(max(1, nanoseconds))
    seconds = whole / 1e9
    serverCPU = Double(server.1.cpu &- server.0.cpu) / 1e9
    clientCPU = Double(client.1.cpu &- client.0.cpu) / 1e9
    func busiest(_ pair: (ProcessMeter.Reading, ProcessMeter.Reading)) -> Double {
      let used = pair.1.threads.map { $0.value &- (pair.0.threads[$0.key] ?? 0) }
      return Double(used.max() ?? 0) / whole
    }
    serverThread = busiest(server)
    clientThread = busiest(client)
    let writes = server.1.writes.map { thread, now in
      let before = server.0.writes[thread] ?? (0, 0)
      return (thread: thread, bytes: now.bytes &- before.0, calls: now.calls &- before.1)
    }
    let disk = writes.max { $0.bytes < $1.bytes }
    diskBytes = disk?.bytes ?? 0
    storedBytes = writes.reduce(0) { $0 + $1.bytes }
    diskCalls = disk?.calls ?? 0
    let onCore = disk.map {
      (server.1.threads[$0.thread] ?? 0) &- (server.0.threads[$0.thread] ?? 0)
    }
    diskThread = Double(onCore ?? 0) / whole
    serverResident = server.1.resident
    let busy = Double(server.1.machine &- server.0.machine) / 1e9
    otherCPU = max(0, busy - serverCPU - clientCPU)
  }
}
