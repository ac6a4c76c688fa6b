import Synchronization

extension SimulatedDisk {
  /// Bytes taken.
  package var used: Int { state.withLock { $0.used } }

  /// Spoils the last bytes of the newest store, as a torn write would, though they were on the disk: whether there were any.
  package func tearTail(_ random: inout some RandomNumberGenerator) -> Bool {
    let store = state.withLock { state in
      state.names.keys.filter { $0.hasSuffix(".store") }.max().flatMap { state.names[$0] }
    }
    guard let store else { return false }
    let bytes = store.bytes
    guard let last = bytes.lastIndex(where: { $0 != 0 }), last > 64 else { return false }
    state.withLock { $0.undo = (store, bytes) }
    for place in max(64, last - random.below(60))...last {
      if bytes[place] != 0 { store.flip(place, mask: bytes[place]) }
    }
    return true
  }

  /// Takes `tearTail` back.
  package func undoDamage() {
    guard let (store, bytes) = state.withLock({ $0.undo }) else { return }
    store.replace(bytes)
  }
}

extension SimulatedDisk {
  /// The whole file, as the process sees it; empty where there is none.
  package func bytes(of path: String) -> [UInt8] {
    state.withLock { $0.names[path] }?.bytes ?? []
  }

  /// Puts other bytes in the file's place, on the disk too.
  package func setBytes(_ bytes: [UInt8], of path: String) {
    state.withLock { $0.names[path] }?.replace(bytes)
  }
}
