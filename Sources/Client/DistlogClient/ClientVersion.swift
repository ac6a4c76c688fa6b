internal import LogAPI
internal import RPC

/// The versions of this library and of the system libraries it runs on.
public enum ClientVersion {
  /// Such as "0.2.0".
  public static var distlog: String { ProjectVersion.current }
  /// OpenSSL as it names itself.
  public static var openSSL: String { LibraryVersions.openSSL }
  /// Such as "1.52.0".
  public static var nghttp2: String { LibraryVersions.nghttp2 }
}
