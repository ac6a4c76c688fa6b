/// Ends the process where what must hold does not. Other than `precondition` it says `what` in a release build too, as one
/// line on standard error; that text is made only then.
@inlinable
package func require(
  _ holds: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  guard !holds else { return }
  fatalError(what(), file: file, line: line)
}
