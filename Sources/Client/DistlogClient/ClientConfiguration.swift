/// Which servers a client uses, who it is, and how long it waits.
public struct ClientConfiguration: Sendable {
  /// PEM files for mutual TLS.
  public struct TLSFiles: Sendable {
    /// The CA that signed the servers' certificates.
    public var ca: String
    /// This client's certificate, with its chain; nil for none.
    public var certificate: String?
    public var key: String?

    public init(ca: String, certificate: String? = nil, key: String? = nil) {
      self.ca = ca
      self.certificate = certificate
      self.key = key
    }
  }

  /// Tried in turn until one answers.
  public var servers: [ServerAddress]
  public var tls: TLSFiles
  /// What a server's certificate must be valid for; nil: the host that was dialled.
  public var serverName: String?
  /// Bounds dialling, a unary call, and waiting for the next acknowledgement.
  public var timeout: Duration = .seconds(10)

  public init(servers: [ServerAddress], tls: TLSFiles) {
    self.servers = servers
    self.tls = tls
  }
}
