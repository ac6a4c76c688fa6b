/// One setting of the server: the key of the configuration file, from which the flag and the
/// environment variable follow by rule (`listen.rpc`, `--listen-rpc`, `DISTLOG_LISTEN_RPC`).
package struct Setting: Sendable {
  package let key: String
  /// As a user would write it; empty = none.
  package let standard: String
  package let help: String

  package var flag: String {
    "--" + key.split(separator: ".").map { Self.kebab(String($0)) }.joined(separator: "-")
  }

  package var environment: String {
    "DISTLOG_" + flag.dropFirst(2).map { $0 == "-" ? "_" : $0.uppercased() }.joined()
  }

  private static func kebab(_ camel: String) -> String {
    camel.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined()
  }
}

extension Setting {
  /// Every setting of this version, in the order in which `distlogd check` prints them.
  package static let all: [Setting] = [
    .init(key: "node.id", standard: "", help: "Name of this node (default: the host's name)."),
    .init(key: "node.dataDir", standard: "./distlog-data", help: "Folder of the log's files."),
    .init(
      key: "node.eventLoops", standard: "0",
      help: "Threads that serve connections; 0 = half the cores."),
    .init(key: "listen.rpc", standard: "127.0.0.1:8400", help: "host:port to serve gRPC on."),
    .init(
      key: "advertise.rpc", standard: "",
      help: "host:port that clients are told to use (default: the listen address)."),
    .init(
      key: "join.seeds", standard: "",
      help: "host:port of other nodes, separated by commas, to find the cluster by."),
    .init(
      key: "join.bootstrapExpect", standard: "",
      help:
        "Nodes that form the first cluster; 0 = only join one (default: 1 without seeds, else 0)."),
    .init(key: "tls.cert", standard: "", help: "PEM file: this node's certificate chain."),
    .init(key: "tls.key", standard: "", help: "PEM file: its private key, mode 0600."),
    .init(key: "tls.ca", standard: "", help: "PEM file: the CA that client certificates need."),
    .init(
      key: "tls.crl", standard: "",
      help: "PEM file: revocation lists of every CA in tls.ca (default: none are looked at)."),
    .init(
      key: "tls.reload", standard: "2s",
      help:
        "How often files of certificates and rules are looked at for changes; 0s = on SIGHUP only."),
    .init(key: "tls.minVersion", standard: "1.2", help: "Oldest TLS version: 1.2 or 1.3."),
    .init(
      key: "tls.peerNames", standard: "",
      help:
        "Certificate names (CN) of nodes, separated by commas, with * at the end for any (default: this node's own)."
    ),
    .init(
      key: "auth.subject", standard: "cn",
      help: "What of a certificate names its holder: cn, san-dns, san-uri or dn."),
    .init(key: "acl.policy", standard: "", help: "CSV file: who may do what."),
    .init(key: "storage.segmentBytes", standard: "64MiB", help: "Size of one segment file."),
    .init(
      key: "storage.low", standard: "",
      help: "A warning when less of the disk is free, a size or 5% (default: 10%, 10GiB at most)."),
    .init(
      key: "storage.full", standard: "",
      help: "Records are refused while less is free (default: 3%, 2GiB at most); 0 = never."),
    .init(
      key: "storage.scrubRate", standard: "16MiB",
      help: "Bytes a second at which the log is read for damage, once a day; 0 = never."),
    .init(
      key: "logs.retentionBytes", standard: "0",
      help: "Oldest segments go while the rest hold this much; 0 = keep all."),
    .init(
      key: "logs.retentionAge", standard: "0s",
      help: "Segments go when all their records are older; 0s = keep all."),
    .init(
      key: "logs.maxRecordBytes", standard: "1MiB",
      help: "Largest record: value, key and headers; up to 3MiB."),
    .init(
      key: "raft.heartbeat", standard: "50ms", help: "Between two signs of life of a leader."),
    .init(
      key: "raft.electionTimeout", standard: "400ms",
      help: "Silence of the leader after which others stand; each waits 1 to 1.5 times that."),
    .init(
      key: "raft.slowDiskTimeout", standard: "2s",
      help: "A leader whose disk answers nothing for so long hands over."),
    .init(
      key: "limits.messageBytes", standard: "4MiB", help: "Largest gRPC message from a client."),
    .init(key: "limits.connections", standard: "10000", help: "Connections at one time."),
    .init(key: "limits.streamsPerConnection", standard: "256", help: "Open calls a connection."),
    .init(
      key: "limits.consumerStall", standard: "10min",
      help: "How long a consumer may read nothing before it is closed."),
    .init(
      key: "rpc.reflection", standard: "on",
      help: "Tell clients what is served (grpc.reflection), on or off."),
    .init(key: "log.level", standard: "info", help: "trace, debug, info, warning or error."),
    .init(
      key: "log.format", standard: "auto",
      help: "text, json, or auto: text when stderr is a terminal."),
    .init(
      key: "shutdown.drain", standard: "20s", help: "Longest wait for open calls when stopping."),
  ]

  /// Whether `name` is the first part of some keys, such as "tls".
  package static func isGroup(_ name: String) -> Bool {
    all.contains { $0.key.hasPrefix(name + ".") }
  }

  package static func named(_ key: String) -> Setting? { all.first { $0.key == key } }
}
