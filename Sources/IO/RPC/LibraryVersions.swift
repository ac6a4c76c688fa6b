internal import HTTP2
internal import TLS

/// The system libraries that a program with this module runs on.
package enum LibraryVersions {
  package static var openSSL: String { TLSContext.libraryVersion }
  package static var nghttp2: String { HTTP2Library.version }
}
