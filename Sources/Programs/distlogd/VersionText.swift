import Agent

/// What `--version` prints.
enum VersionText {
  static var all: String {
    """
    distlogd \(Versions.distlog)
    data format \(Versions.dataFormat)
    \(Versions.openSSL)
    nghttp2 \(Versions.nghttp2)
    """
  }
}
