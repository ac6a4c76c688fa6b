package import Protobuf

/// The rpcs of grpc.health.v1 (Protos/health.proto).
package enum HealthMethod: String, CaseIterable, Sendable {
  case check = "/grpc.health.v1.Health/Check"
  case watch = "/grpc.health.v1.Health/Watch"

  package var shape: StreamingShape {
    switch self {
    case .check: .unary
    case .watch: .serverStreaming
    }
  }
}

/// Asks how one service is; the empty name stands for the whole server.
package struct HealthCheckRequest: ProtobufMessage {
  package var service = ""

  package init() {}

  package init(service: String) { self.service = service }

  package static let descriptorName = "grpc.health.v1.HealthCheckRequest"
  package static let fields = [FieldDescription(1, "service", .string)]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): service = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, service)
  }
}

/// How a service is.
package struct HealthCheckResponse: ProtobufMessage {
  /// Open, as every proto3 enum.
  package struct ServingStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unknown = ServingStatus(rawValue: 0)
    package static let serving = ServingStatus(rawValue: 1)
    package static let notServing = ServingStatus(rawValue: 2)
    /// Told by Watch only; Check answers NOT_FOUND.
    package static let serviceUnknown = ServingStatus(rawValue: 3)
  }

  package var status = ServingStatus.unknown

  package init() {}

  package init(status: ServingStatus) { self.status = status }

  package static let descriptorName = "grpc.health.v1.HealthCheckResponse"
  package static let fields = [
    FieldDescription(1, "status", .enum, of: "grpc.health.v1.HealthCheckResponse.ServingStatus")
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): status = ServingStatus(rawValue: try reader.int32())
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.signed(1, status.rawValue)
  }
}
