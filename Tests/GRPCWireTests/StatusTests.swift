import GRPCWire
import Protobuf
import Testing

@Suite struct StatusTests {
  @Test func `details hold what was given, and come through trailers`() throws {
    let status = Status(
      .outOfRange, "offset 7 is at or past the end: 5 é", reason: "OFFSET_OUT_OF_RANGE",
      metadata: [("offset", "7"), ("end", "5")],
      violations: [("records[0].key", "longer than 64 KiB")], retryAfter: .milliseconds(1500),
      localized: "There is nothing at 7.")
    let trailers = status.trailers()
    #expect(trailers["grpc-status"] == "11")
    #expect(trailers["grpc-message"] == "offset 7 is at or past the end: 5 %C3%A9")

    let read = try #require(Status(trailers: trailers))
    #expect(read == status)
    let info = try #require(read.errorInfo())
    #expect(info.reason == "OFFSET_OUT_OF_RANGE")
    #expect(info.domain == "distlog")
    #expect(info.metadata.pairs.map(\.key) == ["end", "offset"])
    #expect(read.retryDelay() == .milliseconds(1500))
    let request: BadRequest? = read.detail()
    #expect(request?.fieldViolations.map(\.field) == ["records[0].key"])
    let localized: LocalizedMessage? = read.detail()
    #expect(localized?.message == "There is nothing at 7.")
    #expect(localized?.locale == "en-US")
    let whole = try StatusDetails(serialized: read.details)
    #expect(whole.code == 11)
    #expect(whole.message == status.message)
  }

  @Test func `a status without details has none in its trailers`() {
    #expect(Status.ok.trailers() == Metadata([("grpc-status", "0")]))
    #expect(Status(.internal, "").errorInfo() == nil)
  }

  @Test func `trailers of a strange peer still give a status`() {
    #expect(Status(trailers: Metadata()) == nil)
    #expect(Status(trailers: Metadata([("grpc-status", "x")]))?.code == .unknown)
    #expect(Status(trailers: Metadata([("grpc-status", "404")]))?.code.name == "CODE_404")
    let odd = Metadata([("grpc-status", "3"), ("grpc-status-details-bin", "!!")])
    #expect(Status(trailers: odd) == Status(.invalidArgument, ""))
    let broken = Metadata([("grpc-status", "3"), ("grpc-status-details-bin", "/w")])
    #expect(Status(trailers: broken)?.errorInfo() == nil)
  }

  @Test func `trailers stay small, however long the message and the details`() throws {
    let long = String(repeating: "漢", count: 5000)
    let trailers = Status(.internal, long, reason: "X", metadata: [("a", long)]).trailers()
    let size = trailers.entries.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    #expect(size < 8 << 10)
    let read = try #require(Status(trailers: trailers))
    #expect(read.code == .internal)
    #expect(long.hasPrefix(read.message) && !read.message.isEmpty)
  }

  @Test func `names are those of the gRPC documents`() {
    let names = (0...16).map { StatusCode(rawValue: $0).name }
    #expect(
      names == [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
        "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED",
      ])
  }

  @Test func `HTTP statuses and reset codes become the statuses of the gRPC documents`() {
    let http: [(Int, StatusCode)] = [
      (400, .internal), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
      (429, .unavailable), (502, .unavailable), (503, .unavailable), (504, .unavailable),
      (415, .unknown), (500, .unknown),
    ]
    for (status, code) in http { #expect(Status(httpStatus: status).code == code) }
    let resets: [(UInt32, StatusCode)] = [
      (0, .internal), (1, .internal), (7, .unavailable), (8, .cancelled),
      (11, .resourceExhausted), (12, .permissionDenied), (99, .internal),
    ]
    for (reset, code) in resets { #expect(Status(resetCode: reset).code == code) }
  }
}
