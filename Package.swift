// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The module graph, top down: a target may use only targets listed above it.
// `requireTopDown` at the end stops the build when one does not.

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let arguments: [Target.Dependency] = [
  .product(name: "ArgumentParser", package: "swift-argument-parser")
]
let logging: [Target.Dependency] = [.product(name: "Logging", package: "swift-log")]

let core: [Target] = [
  layer("Core", "Protobuf"),
  layer("Core", "GRPCWire", uses: "Protobuf"),
  layer("Core", "AccessControl"),
  layer("Core", "ClusterModel"),
  layer("Core", "RaftCore", uses: "ClusterModel"),
  layer("Core", "LogAPI", uses: "Protobuf", "GRPCWire"),
  layer("Core", "RaftAPI", uses: "Protobuf", "GRPCWire", "ClusterModel", "RaftCore"),
  layer("Core", "Formation", uses: "ClusterModel", "RaftAPI"),
]

let io: [Target] = [
  cSources("IO", "CPlatform"),
  system("IO", "CNghttp2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
  system("IO", "COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
  layer("IO", "CommitLog", uses: "CPlatform"),
  layer("IO", "TLS", uses: "COpenSSL"),
  layer("IO", "HTTP2", uses: "CNghttp2"),
  layer("IO", "RPC", uses: "Protobuf", "GRPCWire", "TLS", "HTTP2", products: nio + logging),
]

let client: [Target] = [
  layer(
    "Client", "DistlogClient", uses: "Protobuf", "GRPCWire", "LogAPI", "TLS", "RPC", products: nio),
  layer("Client", "ClientProgram", uses: "GRPCWire", "DistlogClient"),
]

let node: [Target] = [
  layer(
    "Node", "RaftNode", uses: "Protobuf", "ClusterModel", "RaftCore", "RaftAPI", "CommitLog"),
  layer(
    "Node", "RaftService",
    uses: "Protobuf", "GRPCWire", "ClusterModel", "RaftCore", "RaftAPI", "Formation", "CommitLog",
    "TLS", "RPC", "RaftNode", products: nio),
  layer(
    "Node", "LogService",
    uses: "Protobuf", "GRPCWire", "AccessControl", "ClusterModel", "RaftCore", "LogAPI", "RaftAPI",
    "CommitLog", "RPC", "RaftNode", "RaftService", products: nio),
  layer(
    "Node", "Agent",
    uses: "GRPCWire", "AccessControl", "ClusterModel", "RaftCore", "LogAPI", "RaftAPI", "Formation",
    "CommitLog", "TLS", "HTTP2", "RPC", "RaftNode", "RaftService", "LogService",
    products: nio + logging + [yams]),
]

let simulation: [Target] = [
  layer("Simulation", "SimulatedDisk", uses: "CommitLog"),
  layer(
    "Simulation", "Simulator", uses: "Protobuf", "ClusterModel", "RaftCore", "RaftAPI", "CommitLog",
    "RaftNode", "SimulatedDisk"),
]

let programs: [Target] = [
  program(
    "distlogd", uses: "AccessControl", "CommitLog", "TLS", "ClientProgram", "Agent", "RaftNode",
    "RaftAPI",
    products: arguments + logging),
  program(
    "distlog-client", uses: "CommitLog", "TLS", "DistlogClient", "ClientProgram",
    products: arguments),
  program("distlog-sim", uses: "Simulator", products: arguments),
  program(
    "distlog-bench", uses: "Protobuf", "GRPCWire", "LogAPI", "CommitLog", "TLS", "RPC",
    products: nio + arguments),
]

let tests: [Target] = [
  testSupport("TestSupport"),
  testSupport(
    "FuzzTargets",
    uses: "Protobuf", "GRPCWire", "AccessControl", "LogAPI", "CommitLog", "HTTP2"),
  test("FuzzTests", uses: "FuzzTargets"),
  test("ProtobufTests", uses: "Protobuf"),
  test("GRPCWireTests", uses: "GRPCWire", "Protobuf"),
  cOracle("CLogProto"),
  test(
    "CodecTests",
    uses: "Protobuf", "GRPCWire", "ClusterModel", "RaftCore", "LogAPI", "RaftAPI", "CLogProto"),
  test("CommitLogTests", uses: "CommitLog", "SimulatedDisk"),
  test("AccessControlTests", uses: "AccessControl"),
  test(
    "RaftNodeTests",
    uses: "ClusterModel", "RaftCore", "RaftAPI", "CommitLog", "RaftNode", "SimulatedDisk"),
  test(
    "RaftServiceTests",
    uses: "Protobuf", "GRPCWire", "AccessControl", "ClusterModel", "RaftCore", "LogAPI", "RaftAPI",
    "CommitLog", "TLS", "RPC", "RaftNode", "RaftService", "LogService", "TestSupport",
    products: nio),
  test("SimulationTests", uses: "ClusterModel", "RaftCore", "Simulator"),
  test("FormationTests", uses: "ClusterModel", "RaftAPI", "Formation"),
  test("RaftCoreTests", uses: "ClusterModel", "RaftCore", "TestSupport"),
  test("DistlogClientTests", uses: "Protobuf", "LogAPI", "DistlogClient", "TestSupport"),
  test("ClientProgramTests", uses: "DistlogClient", "ClientProgram"),
  test("TLSTests", uses: "TLS", "TestSupport"),
  test("HTTP2Tests", uses: "HTTP2"),
  test(
    "RPCTests", uses: "Protobuf", "GRPCWire", "TLS", "HTTP2", "RPC", "TestSupport",
    products: nio + logging),
  test(
    "LogServiceTests",
    uses: "Protobuf", "GRPCWire", "AccessControl", "ClusterModel", "RaftCore", "LogAPI", "RaftAPI",
    "CommitLog", "RaftNode", "RaftService", "LogService", "TestSupport", products: nio),
  test("AgentTests", uses: "Agent"),
  test("BenchTests", uses: "distlog-bench"),
  test(
    "InteropTests", uses: "TestSupport"),
  test("AttackTests", uses: "TestSupport"),
  test(
    "ProcessTests", uses: "CommitLog", "TestSupport"),
]

/// What `make fuzz` builds; libFuzzer brings its `main`, so that an ordinary build cannot link it.
let fuzzing: [Target] =
  Context.environment["DISTLOG_FUZZ"] == nil
  ? [] : [fuzzRunner("distlog-fuzz", uses: "FuzzTargets")]

let package = Package(
  name: "distlog",
  products: [
    .library(name: "CommitLog", targets: ["CommitLog"]),
    .library(name: "DistlogClient", targets: ["DistlogClient"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: core + io + client + node + simulation + programs + tests + fuzzing,
  swiftLanguageModes: [.v6]
)

requireTopDown(package.targets)

// MARK: - Helpers

/// What every Swift target is compiled with. A function: top-level constants are actor-isolated in a manifest.
func settings() -> [SwiftSetting] {
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
  ]
}

func layer(
  _ folder: String, _ name: String, uses: String..., products: [Target.Dependency] = []
) -> Target {
  .target(
    name: name, dependencies: uses.map { .byName(name: $0) } + products,
    path: "Sources/\(folder)/\(name)", swiftSettings: settings())
}

func program(_ name: String, uses: String..., products: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name, dependencies: uses.map { .byName(name: $0) } + products,
    path: "Sources/Programs/\(name)", swiftSettings: settings())
}

func system(_ folder: String, _ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/\(folder)/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func cSources(_ folder: String, _ name: String, uses: String...) -> Target {
  .target(
    name: name, dependencies: uses.map { .byName(name: $0) }, path: "Sources/\(folder)/\(name)")
}

/// What `make protos` generates for libprotobuf-c, which tests compare the codec with.
func cOracle(_ name: String) -> Target {
  .target(
    name: name, path: "Tests/\(name)", linkerSettings: [.linkedLibrary("protobuf-c")])
}

/// Code that several test targets share; never linked into a program.
func testSupport(_ name: String, uses: String..., products: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: uses.map { .byName(name: $0) } + products, path: "Tests/\(name)",
    swiftSettings: settings())
}

/// A program whose `main` comes from libFuzzer.
func fuzzRunner(_ name: String, uses: String...) -> Target {
  .executableTarget(
    name: name, dependencies: uses.map { .byName(name: $0) }, path: "Tests/FuzzRunner",
    swiftSettings: settings())
}

func test(
  _ name: String, uses: String..., products: [Target.Dependency] = []
) -> Target {
  .testTarget(
    name: name, dependencies: uses.map { .byName(name: $0) } + products, path: "Tests/\(name)",
    exclude: notSwift(in: "Tests/\(name)"), swiftSettings: settings())
}

/// What lies beside a test's Swift files: scripts that it starts, folders of data.
func notSwift(in folder: String) -> [String] {
  let path = "\(Context.packageDirectory)/\(folder)"
  let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  return names.filter { !$0.hasSuffix(".swift") }.sorted()
}

/// Stops the build when a target uses one that is listed below it.
func requireTopDown(_ targets: [Target]) {
  var listed: Set<String> = []
  for target in targets {
    for case .byNameItem(let name, _) in target.dependencies {
      precondition(listed.contains(name), "\(target.name) must not use \(name)")
    }
    listed.insert(target.name)
  }
}
