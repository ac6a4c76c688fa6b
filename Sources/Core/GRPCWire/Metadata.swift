/// The headers or trailers of a call: names in lower case with their values, in order.
package struct Metadata: Equatable, Sendable {
  /// One header.
  package struct Entry: Equatable, Sendable {
    package var name: String
    package var value: String
  }

  package private(set) var entries: [Entry] = []

  package init() {}

  package init(_ pairs: [(String, String)]) {
    for (name, value) in pairs { add(name, value) }
  }

  package var isEmpty: Bool { entries.isEmpty }

  /// Appends a header; the name is made lower case, as HTTP/2 wants it.
  package mutating func add(_ name: String, _ value: String) {
    // What comes from HTTP/2 is lower case already, and then needs no new string.
    let isLower = name.utf8.allSatisfy { $0 < UInt8(ascii: "A") || $0 > UInt8(ascii: "Z") }
    entries.append(Entry(name: isLower ? name : name.lowercased(), value: value))
  }

  /// Appends bytes under a name that ends in "-bin".
  package mutating func add(_ name: String, bytes: [UInt8]) {
    precondition(name.hasSuffix("-bin"), "binary metadata under the name \(name)")
    add(name, Base64.encode(bytes))
  }

  /// The first value under a name, which is given in lower case.
  package subscript(name: String) -> String? {
    entries.first { $0.name == name }?.value
  }

  /// Every value under a name, which is given in lower case.
  package func values(_ name: String) -> [String] {
    entries.lazy.filter { $0.name == name }.map(\.value)
  }

  /// Every binary value under a name: several headers and values joined by commas are the same.
  /// Nil when one of them is not base64.
  package func binaryValues(_ name: String) -> [[UInt8]]? {
    var all: [[UInt8]] = []
    for joined in values(name) {
      guard let bytes = Self.binaryValues(joined: joined) else { return nil }
      all += bytes
    }
    return all
  }

  /// The binary values in one header's value; nil when one of them is not base64.
  static func binaryValues(joined: String) -> [[UInt8]]? {
    var all: [[UInt8]] = []
    for value in joined.split(separator: ",", omittingEmptySubsequences: false) {
      guard let bytes = Base64.decode(value.trimmingSpaces()) else { return nil }
      all.append(bytes)
    }
    return all
  }
}

extension Substring {
  /// Without spaces and tabs at both ends (RFC 9110 section 5.6.3).
  func trimmingSpaces() -> Substring {
    var text = self
    while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
    while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
    return text
  }
}
