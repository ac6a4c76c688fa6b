import LogAPI
import Protobuf
import Testing

@testable import DistlogClient

struct RecordBatchTests {
  @Test func `a produced batch is a valid request with its records in order`() throws {
    let batch = ProduceBatch(log: "orders")
    batch.append(ClientRecord(value: [], key: []))
    batch.append(
      ClientRecord(
        value: [UInt8](repeating: 7, count: 300), key: [1],
        headers: [.init(name: "h", value: [2])], timestamp: 9))
    let request = try ProduceRequest(serialized: batch.withUnsafeBytes { [UInt8]($0) })
    #expect(request.log == "orders")
    #expect(request.records.count == 2)
    #expect(request.records[0] == LogAPI.Record())
    #expect(request.records[1].value.count == 300)
    #expect(request.records[1].key == [1])
    #expect(request.records[1].timestampUnixNano == 9)
    #expect(request.records[1].headers.map(\.name) == ["h"])
    #expect(batch.valueBytes == 300)
  }

  @Test func `the record that is too large is named by its number and size`() {
    let batch = ProduceBatch(log: "")
    batch.firstNumber = 100
    for size in [1, 2, 50, 60] {
      batch.append(ClientRecord(value: [UInt8](repeating: 0, count: size), key: [1]))
    }
    #expect(batch.firstRecord(over: 40).map { [$0.number, UInt64($0.size)] } == [102, 51])
    #expect(batch.firstRecord(over: 61) == nil)
  }

  @Test func `a consumed message gives its records and the position`() throws {
    var response = ConsumeResponse()
    var record = LogAPI.Record()
    record.value = [1, 2]
    record.offset = 41
    record.term = 3
    response.records = [record, record]
    response.nextOffset = 43
    response.endOffset = 50
    response.lostRecords = 4
    let batch = try response.serialized().withUnsafeBytes { try RecordBatch(copying: $0) }
    #expect(batch.count == 2)
    #expect(batch.nextOffset == 43)
    #expect(batch.endOffset == 50)
    #expect(batch.lostRecords == 4)
    let records = try batch.records()
    #expect(records.map(\.offset) == [41, 41])
    #expect(records.map(\.value) == [[1, 2], [1, 2]])
  }

  @Test func `a message cut anywhere is refused or is shorter, never read past its end`() throws {
    var response = ConsumeResponse()
    var record = LogAPI.Record()
    record.value = Array("value".utf8)
    response.records = [record]
    response.nextOffset = 1
    let whole = response.serialized()
    for count in whole.indices {
      let part = Array(whole[..<count])
      let batch = try? part.withUnsafeBytes { try RecordBatch(copying: $0) }
      #expect((batch?.count ?? 0) <= 1)
    }
  }

  @Test func `a read goes on where the last batch ended and stops where the first call said`()
    throws
  {
    var response = ConsumeResponse()
    response.nextOffset = 7
    response.endOffset = 9
    let batch = try response.serialized().withUnsafeBytes { try RecordBatch(copying: $0) }
    var options = ConsumeOptions()
    options.stop = .end
    options.resume(after: batch)
    #expect(options.start == .offset(7))
    #expect(options.stop == .offset(9))
  }
}

struct ServerAddressTests {
  @Test func `addresses are read with and without a port`() throws {
    #expect(try ServerAddress("localhost") == ServerAddress(host: "localhost", port: 8400))
    #expect(try ServerAddress("h:1") == ServerAddress(host: "h", port: 1))
    #expect(try ServerAddress("[::1]:9") == ServerAddress(host: "::1", port: 9))
    #expect(try ServerAddress("::1") == ServerAddress(host: "::1", port: 8400))
    #expect(ServerAddress(host: "::1", port: 9).description == "[::1]:9")
    for wrong in ["", ":1", "h:", "h:0", "h:70000", "h:x", "[::1]9", "a b"] {
      #expect(throws: DistlogError.self) { try ServerAddress(wrong) }
    }
  }
}
