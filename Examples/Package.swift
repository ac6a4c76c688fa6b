// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it sees of distlog what any other package sees.
let package = Package(
  name: "DistlogExamples",
  dependencies: [.package(name: "distlog", path: "..")],
  targets: [
    .executableTarget(
      name: "CommitLogExample",
      dependencies: [.product(name: "CommitLog", package: "distlog")]),
    .executableTarget(
      name: "DistlogClientExample",
      dependencies: [.product(name: "DistlogClient", package: "distlog")]),
  ],
  swiftLanguageModes: [.v6]
)
