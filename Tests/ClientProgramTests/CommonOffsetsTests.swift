import ClientProgram
import Testing

@Suite struct CommonOffsetsTests {
  @Test func `what all have is from the latest start to the earliest end`() {
    let common = CommonOffsets([0..<10, 4..<12, 2..<8])
    #expect(common.offsets == 4..<8)
    #expect(!common.isNothing)
  }

  @Test func `servers that have nothing in common are told from servers that have nothing`() {
    #expect(CommonOffsets([0..<10, 10..<20]).isNothing)
    #expect(CommonOffsets([0..<10, 12..<20, 0..<0]).isNothing)
    #expect(!CommonOffsets([7..<7, 7..<7]).isNothing)
    #expect(!CommonOffsets([]).isNothing)
    #expect(CommonOffsets([0..<10, 12..<20]).offsets.isEmpty)
  }
}
