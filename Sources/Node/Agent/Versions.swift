internal import CommitLog
internal import LogAPI
internal import RPC

/// The versions that `--version` prints.
package enum Versions {
  package static var distlog: String { ProjectVersion.current }
  package static var dataFormat: String { "\(FrameHeader.format)" }
  package static var openSSL: String { LibraryVersions.openSSL }
  package static var nghttp2: String { LibraryVersions.nghttp2 }
}
