/// A name that equals another only byte for byte.
///
/// `String` compares by canonical equivalence, under which two different byte sequences can be the
/// same name. Who may do what must not depend on that.
struct ExactName: Hashable, Sendable {
  let text: String

  init(_ text: String) {
    self.text = text
  }

  static func == (one: ExactName, other: ExactName) -> Bool {
    one.text.utf8.elementsEqual(other.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }
}
