/// `--key` before the verb is the certificate's private key, after `produce` the records' key: the
/// parser knows one place only, so the latter is renamed.
enum ArgumentRewriting {
  static func rewritten(_ arguments: [String]) -> [String] {
    guard let verb = verbIndex(arguments), arguments[verb] == "produce" else { return arguments }
    var result = Array(arguments[...verb])
    var isOver = false
    for argument in arguments[(verb + 1)...] {
      if argument == "--" { isOver = true }
      if !isOver, argument == "--key" {
        result.append("--record-key")
      } else if !isOver, argument.hasPrefix("--key=") {
        result.append("--record-key=" + argument.dropFirst("--key=".count))
      } else {
        result.append(argument)
      }
    }
    return result
  }

  /// Every option that may stand before the verb takes a value.
  private static func verbIndex(_ arguments: [String]) -> Int? {
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      guard argument.hasPrefix("-") else { return index }
      let takesNext =
        argument.hasPrefix("--")
        ? !argument.contains("=") && argument != "--help" : argument == "-o"
      index += takesNext ? 2 : 1
    }
    return nil
  }
}
