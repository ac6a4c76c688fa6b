extension CommitLog {
  /// How a log is kept. Sizes are in bytes.
  public struct Options: Sendable {
    /// A segment takes no more frames when its store reaches this; a single larger batch still fits.
    public var segmentBytes = 64 << 20
    /// Of a segment's index, 12 bytes per batch: a segment is full when its index is.
    public var indexBytes = 4 << 20
    /// Disk space is taken in steps of this, ahead of writing.
    public var reserveStep = 8 << 20
    /// What `applyRetention` keeps; everything unless set.
    public var retention = Retention()
    /// Told, in one sentence, what recovery did to the files.
    public var note: @Sendable (String) -> Void = { _ in }
    /// Nanoseconds since 1970.
    package var clock: @Sendable () -> UInt64 = wallClock
    /// Whether what is durable here is thereby acknowledged: a log of its own, or a cluster of one.
    package var acknowledgesOnWrite = true
    /// The ids of a data folder that is made.
    package var newIdentity: @Sendable () -> LogIdentity = {
      LogIdentity(clusterID: .random(), storageID: .random(), logInstanceID: .random())
    }

    /// The defaults.
    public init() {}

    /// Options that can be worked with.
    func checked() -> Options {
      precondition(segmentBytes >= 256, "segmentBytes is \(segmentBytes)")
      precondition(indexBytes >= 12, "indexBytes is \(indexBytes)")
      precondition(reserveStep >= 1, "reserveStep is \(reserveStep)")
      return self
    }
  }
}
