import GRPCWire
import Protobuf

/// The files of a FileDescriptorSet by name, and which of them declares what (google/protobuf/descriptor.proto).
struct DescriptorCatalogue: Sendable {
  private struct File: Sendable {
    var name = ""
    var package = ""
    var imports: [String] = []
    var bytes: [UInt8] = []
  }

  private var files: [String: File] = [:]
  /// The file of each service, method, message, field, enum and value, by full name.
  private var symbols: [String: String] = [:]
  private(set) var services: [String] = []

  init(reading descriptors: [UInt8]) throws(ProtobufError) {
    try Self.fields(descriptors) { (number, content) throws(ProtobufError) in
      if number == 1 { try add([UInt8](content)) }
    }
    services.sort()
  }

  // MARK: - Answers

  /// A ServerReflectionResponse.
  func answer(_ request: ReflectionRequest, original: [UInt8]) -> [UInt8] {
    var response = WireWriter()
    response.bytes(2, original)
    switch request {
    case .fileByName(let name):
      add(files[name] == nil ? nil : name, or: "no file \"\(name)\" is served", to: &response)
    case .fileContainingSymbol(let name):
      add(symbols[name], or: "nothing called \"\(name)\" is served", to: &response)
    case .fileContainingExtension(let type, let number):
      add(nil, or: "\(type) has no extension \(number)", to: &response)
    case .allExtensionNumbers(let type):
      guard symbols[type] != nil else {
        add(nil, or: "nothing called \"\(type)\" is served", to: &response)
        break
      }
      var numbers = WireWriter()
      numbers.string(1, type)
      response.bytes(5, numbers.bytes(), always: true)
    case .listServices: response.bytes(6, serviceList, always: true)
    case .nothing:
      addError(.invalidArgument, "the request asks nothing", to: &response)
    }
    return response.bytes()
  }

  private var serviceList: [UInt8] {
    var list = WireWriter()
    for service in services {
      var entry = WireWriter()
      entry.string(1, service)
      list.bytes(1, entry.bytes(), always: true)
    }
    return list.bytes()
  }

  private func add(_ file: String?, or problem: String, to response: inout WireWriter) {
    guard let file else { return addError(.notFound, problem, to: &response) }
    var answer = WireWriter()
    var told: Set<String> = []
    addWithImports(file, &told, to: &answer)
    response.bytes(4, answer.bytes(), always: true)
  }

  private func addWithImports(
    _ name: String, _ told: inout Set<String>, to answer: inout WireWriter
  ) {
    guard let file = files[name], told.insert(name).inserted else { return }
    answer.bytes(1, file.bytes, always: true)
    for next in file.imports { addWithImports(next, &told, to: &answer) }
  }

  private func addError(_ code: StatusCode, _ message: String, to response: inout WireWriter) {
    var error = WireWriter()
    error.varint(1, UInt64(code.rawValue))
    error.string(2, message)
    response.bytes(7, error.bytes(), always: true)
  }

  // MARK: - Reading descriptors

  private mutating func add(_ bytes: [UInt8]) throws(ProtobufError) {
    var file = File(bytes: bytes)
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      switch number {
      case 1: file.name = try Self.text(content)
      case 2: file.package = try Self.text(content)
      case 3: file.imports.append(try Self.text(content))
      default: break
      }
    }
    files[file.name] = file
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      switch number {
      case 4: try addMessage([UInt8](content), in: file.package, file.name)
      case 5: try addEnum([UInt8](content), in: file.package, file.name)
      case 6: try addService([UInt8](content), in: file.package, file.name)
      default: break
      }
    }
  }

  private mutating func addMessage(
    _ bytes: [UInt8], in scope: String, _ file: String
  ) throws(ProtobufError) {
    let name = try declare(bytes, in: scope, file)
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      switch number {
      case 2, 8: _ = try declare([UInt8](content), in: name, file)
      case 3: try addMessage([UInt8](content), in: name, file)
      case 4: try addEnum([UInt8](content), in: name, file)
      default: break
      }
    }
  }

  /// An enum's values stand beside it, as in C++.
  private mutating func addEnum(
    _ bytes: [UInt8], in scope: String, _ file: String
  ) throws(ProtobufError) {
    _ = try declare(bytes, in: scope, file)
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      if number == 2 { _ = try declare([UInt8](content), in: scope, file) }
    }
  }

  private mutating func addService(
    _ bytes: [UInt8], in scope: String, _ file: String
  ) throws(ProtobufError) {
    let name = try declare(bytes, in: scope, file)
    services.append(name)
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      if number == 2 { _ = try declare([UInt8](content), in: name, file) }
    }
  }

  /// Field 1 of every kind of declaration is its name.
  private mutating func declare(
    _ bytes: [UInt8], in scope: String, _ file: String
  ) throws(ProtobufError) -> String {
    var name = ""
    try Self.fields(bytes) { (number, content) throws(ProtobufError) in
      if number == 1 { name = try Self.text(content) }
    }
    let full = scope.isEmpty ? name : "\(scope).\(name)"
    symbols[full] = file
    return full
  }

  private static func text(_ bytes: UnsafeRawBufferPointer) throws(ProtobufError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalidUTF8(field: 1)
    }
    return text
  }

  /// Every length-delimited field, in order.
  private static func fields(
    _ bytes: [UInt8],
    _ body: (UInt32, UnsafeRawBufferPointer) throws(ProtobufError) -> Void
  ) throws(ProtobufError) {
    try bytes.span.bytes.withUnsafeBytes { (buffer) throws(ProtobufError) in
      var reader = WireReader(buffer)
      while let tag = try reader.next() {
        guard case .length(let number) = tag else {
          try reader.skip(tag)
          continue
        }
        try body(number, try reader.content())
      }
    }
  }
}
