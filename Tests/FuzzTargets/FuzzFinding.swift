/// Something that an input made untrue.
package struct FuzzFinding: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

func require(
  _ holds: Bool, _ what: @autoclosure () -> String
) throws(FuzzFinding) {
  guard holds else { throw FuzzFinding(what()) }
}
