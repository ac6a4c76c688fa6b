import ArgumentParser
import ClientProgram
import DistlogClient

struct VersionCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the versions of this program and its libraries.")

  /// What `--version` prints as well.
  static var text: String {
    """
    distlog-client \(ClientVersion.distlog)
    \(ClientVersion.openSSL)
    nghttp2 \(ClientVersion.nghttp2)
    """
  }

  @OptionGroup var connection: ConnectionOptions

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    var object = JSONObject()
    object.set("version", ClientVersion.distlog)
    object.set("openssl", ClientVersion.openSSL)
    object.set("nghttp2", ClientVersion.nghttp2)
    try context.show(json: object.text, table: Self.text + "\n")
  }
}
