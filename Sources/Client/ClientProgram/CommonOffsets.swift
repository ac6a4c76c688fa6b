/// The offsets that several servers all have.
package struct CommonOffsets: Equatable {
  /// From the latest start to the earliest end; empty where there is none that all have.
  package let offsets: Range<UInt64>
  /// Some have records and all together have none, so that comparing them says nothing.
  package let isNothing: Bool

  package init(_ servers: [Range<UInt64>]) {
    let start = servers.map(\.lowerBound).max() ?? 0
    let end = servers.map(\.upperBound).min() ?? 0
    offsets = start..<max(start, end)
    isNothing = offsets.isEmpty && !servers.allSatisfy(\.isEmpty)
  }
}
