import Protobuf

/// The same lines as `CMessage.lines`, from a Swift message's properties found by their names.
///
/// So a property that is read from another field's number is seen, be it written back right or not.
func lines(of message: any ProtobufMessage, path: String = "") -> [String] {
  let properties = Mirror(reflecting: message).children.reduce(into: [:]) { found, child in
    found[(child.label ?? "").lowercased()] = child.value
  }
  return type(of: message).fields.flatMap { field -> [String] in
    let name = path + field.name
    let property = field.name.filter { $0 != "_" }
    guard let value = properties[property] else { return ["\(name)?=no such property"] }
    return lines(of: value, name: name)
  }
}

private func lines(of value: Any, name: String, isElement: Bool = false) -> [String] {
  switch value {
  case let map as StringMap:
    return map.pairs.enumerated().flatMap { index, pair in
      let entry = "\(name)[\(index)]"
      return ["\(entry)={}"] + lines(of: pair.key, name: "\(entry).key")
        + lines(of: pair.value, name: "\(entry).value")
    }
  case let map as NumberMap:
    return map.pairs.enumerated().flatMap { index, pair in
      let entry = "\(name)[\(index)]"
      return ["\(entry)={}"] + lines(of: pair.key, name: "\(entry).key")
        + lines(of: pair.value, name: "\(entry).value")
    }
  case let message as any ProtobufMessage:
    return ["\(name)={}"] + lines(of: message, path: name + ".")
  case let box as Box<Kinds>:
    return lines(of: box.value, name: name)
  case let bytes as [UInt8]:
    return bytes.isEmpty && !isElement ? [] : ["\(name)=<\(hex(bytes))>"]
  case let elements as [Any]:
    return elements.enumerated().flatMap {
      lines(of: $1, name: "\(name)[\($0)]", isElement: true)
    }
  case let text as String:
    return text.isEmpty && !isElement ? [] : ["\(name)=\"\(text)\""]
  default:
    break
  }
  let mirror = Mirror(reflecting: value)
  if mirror.displayStyle == .optional {
    return mirror.children.first.map { lines(of: $0.value, name: name) } ?? []
  }
  // An enum is a struct of its number.
  let number = mirror.displayStyle == .struct ? mirror.children.first?.value ?? value : value
  let text = "\(number)"
  return !isElement && ["0", "false"].contains(text) ? [] : ["\(name)=\(text)"]
}
