import GRPCWire
package import Protobuf

/// grpc.reflection.v1 and v1alpha: tells clients such as grpcurl what this server serves, so that they need no .proto.
///
/// Both versions have the same messages under two package names.
package final class ReflectionService: Sendable {
  package static let paths = ["v1", "v1alpha"].map {
    "/grpc.reflection.\($0).ServerReflection/ServerReflectionInfo"
  }

  private let catalogue: DescriptorCatalogue

  /// `descriptors`: a serialized google.protobuf.FileDescriptorSet, each file after those it imports.
  package init(descriptors: [UInt8]) throws(ProtobufError) {
    catalogue = try DescriptorCatalogue(reading: descriptors)
  }

  package var methods: [RPCMethod] {
    Self.paths.map { path in
      // A name is all that a request holds.
      RPCMethod(path: path, shape: .bidirectional, maxMessageBytes: 64 << 10) { [catalogue] _ in
        ReflectionHandler(catalogue)
      }
    }
  }
}

/// Answers each request of a stream; ends with it.
private final class ReflectionHandler: ServerCallHandler {
  /// A client that asks on without taking the answers is ended.
  private static let mostUnreadBytes = 1 << 20
  private let catalogue: DescriptorCatalogue

  init(_ catalogue: DescriptorCatalogue) { self.catalogue = catalogue }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard call.bufferedBytes < Self.mostUnreadBytes else {
      return call.finish(Status(.resourceExhausted, "take the answers before asking more"))
    }
    do throws(ProtobufError) {
      let request = try ReflectionRequest(reading: message)
      catalogue.answer(request, original: [UInt8](message)).withUnsafeBytes { call.send($0) }
    } catch {
      call.finish(Status(.invalidArgument, "not a ServerReflectionRequest"))
    }
  }

  func receiveEnd(on call: ServerCall) { call.finish() }
}

/// What a client asks.
enum ReflectionRequest {
  case fileByName(String)
  case fileContainingSymbol(String)
  case fileContainingExtension(type: String, number: Int32)
  case allExtensionNumbers(type: String)
  case listServices
  case nothing

  init(reading bytes: UnsafeRawBufferPointer) throws(ProtobufError) {
    var request = ReflectionRequest.nothing
    var reader = WireReader(bytes)
    while let tag = try reader.next() {
      switch tag {
      case .length(1): _ = try reader.string(field: 1)
      case .length(3): request = .fileByName(try reader.string(field: 3))
      case .length(4): request = .fileContainingSymbol(try reader.string(field: 4))
      case .length(5): request = try Self.fileExtension(try reader.content())
      case .length(6): request = .allExtensionNumbers(type: try reader.string(field: 6))
      case .length(7):
        _ = try reader.string(field: 7)
        request = .listServices
      default: try reader.skip(tag)
      }
    }
    self = request
  }

  private static func fileExtension(
    _ bytes: UnsafeRawBufferPointer
  ) throws(ProtobufError) -> ReflectionRequest {
    var reader = WireReader(bytes)
    var type = ""
    var number: Int32 = 0
    while let tag = try reader.next() {
      switch tag {
      case .length(1): type = try reader.string(field: 1)
      case .varint(2): number = Int32(truncatingIfNeeded: try reader.varint())
      default: try reader.skip(tag)
      }
    }
    return .fileContainingExtension(type: type, number: number)
  }
}
