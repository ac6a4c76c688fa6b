import Foundation
import Protobuf

/// A FileDescriptorSet as far as the tests look at it, read with our own codec.
struct DescriptorSet {
  struct Field: Equatable {
    var number: UInt32 = 0
    var name = ""
    var label: Int32 = 0
    var kind: Int32 = 0
    /// Without the leading dot.
    var typeName = ""
    var jsonName = ""
  }

  struct Method: Equatable {
    var name = ""
    var streamsRequests = false
    var streamsResponses = false
  }

  /// The fields of each message, by number, by the message's full name.
  private(set) var messages: [String: [Field]] = [:]
  private(set) var mapEntries: Set<String> = []
  /// Every method by its path.
  private(set) var methods: [String: Method] = [:]
  /// The values of each enum, by number.
  private(set) var enums: [String: [Int32: String]] = [:]

  static func load() throws -> DescriptorSet {
    var set = DescriptorSet()
    for url in descriptorFiles {
      try Data(contentsOf: url).withUnsafeBytes { bytes in
        var reader = WireReader(bytes)
        while let tag = try reader.next() {
          guard tag == .length(1) else { try reader.skip(tag); continue }
          try set.readFile(try reader.nested())
        }
      }
    }
    return set
  }

  private mutating func readFile(_ whole: WireReader) throws {
    var package = ""
    // The name of the package may stand behind what it is needed for.
    var reader = whole
    while let tag = try reader.next() {
      if tag == .length(2) { package = try reader.string(field: 2) } else { try reader.skip(tag) }
    }
    reader = whole
    while let tag = try reader.next() {
      switch tag {
      case .length(4): try readMessage(try reader.nested(), prefix: package)
      case .length(5): try readEnum(try reader.nested(), prefix: package)
      case .length(6): try readService(try reader.nested(), package: package)
      default: try reader.skip(tag)
      }
    }
  }

  private mutating func readMessage(_ whole: WireReader, prefix: String) throws {
    var name = ""
    var reader = whole
    while let tag = try reader.next() {
      if tag == .length(1) { name = try reader.string(field: 1) } else { try reader.skip(tag) }
    }
    let full = "\(prefix).\(name)"
    var fields: [Field] = []
    reader = whole
    while let tag = try reader.next() {
      switch tag {
      case .length(2): fields.append(try Self.readField(try reader.nested()))
      case .length(3): try readMessage(try reader.nested(), prefix: full)
      case .length(4): try readEnum(try reader.nested(), prefix: full)
      case .length(7):
        var options = try reader.nested()
        while let tag = try options.next() {
          if tag == .varint(7), try options.bool() {
            mapEntries.insert(full)
          } else if tag != .varint(7) {
            try options.skip(tag)
          }
        }
      default: try reader.skip(tag)
      }
    }
    messages[full] = fields.sorted { $0.number < $1.number }
  }

  private static func readField(_ nested: WireReader) throws -> Field {
    var reader = nested
    var field = Field()
    while let tag = try reader.next() {
      switch tag {
      case .length(1): field.name = try reader.string(field: 1)
      case .varint(3): field.number = try reader.uint32()
      case .varint(4): field.label = try reader.int32()
      case .varint(5): field.kind = try reader.int32()
      case .length(6): field.typeName = String(try reader.string(field: 6).dropFirst())
      case .length(10): field.jsonName = try reader.string(field: 10)
      default: try reader.skip(tag)
      }
    }
    return field
  }

  private mutating func readEnum(_ nested: WireReader, prefix: String) throws {
    var reader = nested
    var name = ""
    var values: [Int32: String] = [:]
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .length(2):
        var item = try reader.nested()
        var label = ""
        var number: Int32 = 0
        while let tag = try item.next() {
          switch tag {
          case .length(1): label = try item.string(field: 1)
          case .varint(2): number = try item.int32()
          default: try item.skip(tag)
          }
        }
        values[number] = label
      default: try reader.skip(tag)
      }
    }
    enums["\(prefix).\(name)"] = values
  }

  private mutating func readService(_ nested: WireReader, package: String) throws {
    var reader = nested
    var service = ""
    var found: [Method] = []
    while let tag = try reader.next() {
      switch tag {
      case .length(1): service = try reader.string(field: 1)
      case .length(2):
        var item = try reader.nested()
        var method = Method()
        while let tag = try item.next() {
          switch tag {
          case .length(1): method.name = try item.string(field: 1)
          case .varint(5): method.streamsRequests = try item.bool()
          case .varint(6): method.streamsResponses = try item.bool()
          default: try item.skip(tag)
          }
        }
        found.append(method)
      default: try reader.skip(tag)
      }
    }
    for method in found { methods["/\(package).\(service)/\(method.name)"] = method }
  }
}
