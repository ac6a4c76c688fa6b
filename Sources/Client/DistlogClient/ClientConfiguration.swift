/// Which servers a client uses, who it is, and how long it waits.
public struct ClientConfiguration: Sendable {
  /// PEM files for mutual TLS.
  public struct TLSFiles: Sendable {
    /// The CA that signed the servers' certificates.
    public var ca: String
    /// This client's certificate, with its chain; nil for none.
    public var certificate: String?
    /// The private key of `certificate`.
    public var key: String?

    /// Without a certificate the client has no name.
    public init(ca: String, certificate: String? = nil, key: String? = nil) {
      self.ca = ca
      self.certificate = certificate
      self.key = key
    }
  }

  /// Tried in turn until one answers.
  public var servers: [ServerAddress]
  /// Who the client is and whom it trusts.
  public var tls: TLSFiles
  /// What a server's certificate must be valid for; nil: the host that was dialled.
  public var serverName: String?
  /// Bounds dialling, a unary call, and waiting for the next acknowledgement.
  public var timeout: Duration = .seconds(10)

  /// The rest has defaults.
  public init(servers: [ServerAddress], tls: TLSFiles) {
    self.servers = servers
    self.tls = tls
  }
}
