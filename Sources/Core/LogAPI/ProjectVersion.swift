/// The version of this project.
package enum ProjectVersion {
  /// The one place it stands in the code; CHANGELOG.md has the same at its top.
  package static let current = "0.2.0"
}
