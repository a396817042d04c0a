// swift-tools-version: 6.2
import PackageDescription

// The data plane's parsers under libFuzzer; run by scripts/fuzz. A package of its own, because the instrumentation must
// reach Wire and must not reach what is shipped. Wire is the gateway's own, by a symbolic link.

let instrumented: [SwiftSetting] = [
    .unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library", "-enable-testing"]),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "CNghttp2", path: "Sources/CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "CFuzzer", path: "Sources/CFuzzer"),
        .target(name: "Wire", path: "Sources/Wire", swiftSettings: instrumented),
        .executableTarget(
            name: "fuzz", dependencies: ["CFuzzer", "CNghttp2", "Wire"], path: "Sources/fuzz",
            swiftSettings: instrumented,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
)
