import CPlatform

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4), by CPU instruction where there is one.
package enum CRC32C {
  /// The sum of `bytes`, going on from `sum`, the sum of the bytes before them.
  package static func checksum(
    _ bytes: UnsafeRawBufferPointer, continuing sum: UInt32 = 0
  ) -> UInt32 {
    cplatform_crc32c(sum, bytes.baseAddress, bytes.count)
  }

  package static func checksum(_ bytes: [UInt8], continuing sum: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0, continuing: sum) }
  }

  /// The same sum without CPU instructions: the fallback, and what tests compare with.
  package static func portableChecksum(
    _ bytes: UnsafeRawBufferPointer, continuing sum: UInt32 = 0
  ) -> UInt32 {
    cplatform_crc32c_portable(sum, bytes.baseAddress, bytes.count)
  }

  package static var usesInstructions: Bool { cplatform_crc32c_is_hardware() }
}
