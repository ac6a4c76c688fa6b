import RaftService
import Testing

@Suite struct DiskRoomTests {
  private let room = DiskRoom()

  private func level(_ free: UInt64, of total: UInt64, before: DiskRoom.Level) -> DiskRoom.Level {
    room.level(DiskSpace(free: free, used: total - free), before: before)
  }

  @Test func `rule 39: a mark is a share of the disk, and no more than its most`() {
    #expect(room.full.bytes(of: 100 << 30) == 2 << 30)
    #expect(room.full.bytes(of: 10_000) == 300)
    #expect(room.low.bytes(of: 1 << 40) == 10 << 30)
    #expect(level(300, of: 10_000, before: .enough) == .low)
    #expect(level(299, of: 10_000, before: .enough) == .full)
    #expect(level(1000, of: 10_000, before: .enough) == .enough)
    #expect(level(999, of: 10_000, before: .enough) == .low)
  }

  @Test func `rule 39: a level is left when a quarter more than its mark is free`() {
    #expect(level(374, of: 10_000, before: .full) == .full)
    #expect(level(375, of: 10_000, before: .full) == .low)
    #expect(level(1249, of: 10_000, before: .low) == .low)
    #expect(level(1249, of: 10_000, before: .full) == .low)
    #expect(level(1250, of: 10_000, before: .low) == .enough)
    #expect(level(1250, of: 10_000, before: .full) == .enough)
  }

  @Test func `where the system does not say there is room`() {
    #expect(level(0, of: 0, before: .full) == .enough)
    #expect(DiskSpace("/nonexistent").total == 0)
    #expect(DiskSpace("/").total > 0)
  }
}
