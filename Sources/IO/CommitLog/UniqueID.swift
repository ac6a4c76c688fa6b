/// 128 random bits that name a cluster, a log's life or a data folder.
package struct UniqueID: Sendable, Hashable {
  package var high: UInt64
  package var low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new one, as a random UUID (RFC 9562 version 4).
  package static func random() -> UniqueID {
    var source = SystemRandomNumberGenerator()
    let high = source.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
    let low = source.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return UniqueID(high: high, low: low)
  }

  /// Reads what `description` wrote; nil for anything else.
  package init?(_ text: String) {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    guard text.utf8.count == 36, digits.count == 32,
      let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
      let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
    guard description == text else { return nil }
  }
}

extension UniqueID: CustomStringConvertible {
  package var description: String {
    let digits = Array((paddedHex(high) + paddedHex(low)).utf8)
    let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return groups.map { String(decoding: digits[$0], as: UTF8.self) }.joined(separator: "-")
  }

  private func paddedHex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// The ids a data folder carries.
package struct LogIdentity: Sendable, Equatable {
  /// Of the cluster, or of what a cluster will be when this node joins or forms one.
  package var clusterID: UniqueID
  /// Of this folder: a wiped disk gets a new one.
  package var storageID: UniqueID
  /// Of this life of the log: offsets are never used twice within one.
  package var logInstanceID: UniqueID

  package init(clusterID: UniqueID, storageID: UniqueID, logInstanceID: UniqueID) {
    self.clusterID = clusterID
    self.storageID = storageID
    self.logInstanceID = logInstanceID
  }
}
