import CLogProto
import Protobuf

/// One message decoded by libprotobuf-c, looked at through its own descriptors.
final class CMessage {
  private let message: UnsafeMutablePointer<ProtobufCMessage>

  /// Nil when libprotobuf-c refuses the bytes.
  init?(_ name: String, _ bytes: [UInt8]) throws {
    guard let descriptor = find_message(name) else { throw NoDescriptor(name: name) }
    guard let message = protobuf_c_message_unpack(descriptor, nil, bytes.count, bytes) else {
      return nil
    }
    self.message = message
  }

  struct NoDescriptor: Error {
    let name: String
  }

  deinit { protobuf_c_message_free_unpacked(message, nil) }

  func packed() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: protobuf_c_message_get_packed_size(message)) {
      $1 = protobuf_c_message_pack(message, $0.baseAddress)
    }
  }

  /// Every field that is not at its default, one "path=value" each, in the order of the numbers.
  func lines() -> [String] { Self.lines(of: UnsafePointer(message), path: "") }

  private static func lines(of message: UnsafePointer<ProtobufCMessage>, path: String) -> [String] {
    var lines: [String] = []
    if message.pointee.n_unknown_fields > 0 { lines.append("\(path)?=unknown fields") }
    let descriptor = message.pointee.descriptor.pointee
    for field in UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields)) {
      let base = UnsafeRawPointer(message)
      let place = base + Int(field.offset)
      let name = path + String(cString: field.name)
      guard field.label == PROTOBUF_C_LABEL_REPEATED else {
        lines += Self.lines(of: field, at: place, name: name, isElement: false)
        continue
      }
      let count = (base + Int(field.quantifier_offset)).load(as: Int.self)
      guard count > 0 else { continue }
      let elements = place.load(as: UnsafeRawPointer.self)
      let all = (0..<count).flatMap { index in
        Self.lines(
          of: field, at: elements + index * size(field.type), name: "\(name)[\(index)]",
          isElement: true)
      }
      lines += all
    }
    return lines
  }

  private static func lines(
    of field: ProtobufCFieldDescriptor, at place: UnsafeRawPointer, name: String, isElement: Bool
  ) -> [String] {
    if field.type == PROTOBUF_C_TYPE_MESSAGE {
      guard let inner = place.load(as: UnsafePointer<ProtobufCMessage>?.self) else { return [] }
      return ["\(name)={}"] + lines(of: inner, path: name + ".")
    }
    let text = value(field.type, at: place)
    return isElement || !["0", "false", "\"\"", "<>"].contains(text) ? ["\(name)=\(text)"] : []
  }

  private static func value(_ type: ProtobufCType, at place: UnsafeRawPointer) -> String {
    switch type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32,
      PROTOBUF_C_TYPE_ENUM:
      return "\(place.load(as: Int32.self))"
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
      return "\(place.load(as: Int64.self))"
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT:
      return "\(place.load(as: UInt32.self))"
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_DOUBLE:
      return "\(place.load(as: UInt64.self))"
    case PROTOBUF_C_TYPE_BOOL:
      return place.load(as: protobuf_c_boolean.self) != 0 ? "true" : "false"
    case PROTOBUF_C_TYPE_STRING:
      let text = place.load(as: UnsafePointer<CChar>?.self)
      return "\"\(text.map { String(cString: $0) } ?? "")\""
    default:
      let data = place.load(as: ProtobufCBinaryData.self)
      return "<\(hex(Array(UnsafeBufferPointer(start: data.data, count: data.len))))>"
    }
  }

  private static func size(_ type: ProtobufCType) -> Int {
    switch type {
    case PROTOBUF_C_TYPE_BOOL: MemoryLayout<protobuf_c_boolean>.size
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32,
      PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT,
      PROTOBUF_C_TYPE_ENUM:
      4
    case PROTOBUF_C_TYPE_BYTES: MemoryLayout<ProtobufCBinaryData>.size
    default: 8
    }
  }
}
