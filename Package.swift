// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode (the tools version's default), warnings are errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// The data plane, besides: release builds do not check at run time that accesses are exclusive, which was 13 % of a
/// request's instructions (Benchmarks/README.md). Debug builds do, and with them all tests, fuzzing and sanitizer runs.
let dataPlane: [SwiftSetting] =
    strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

// MARK: - C: module maps and shim headers, no logic

let cLibraries: [Target] = [
    .systemLibrary(name: "CLinux", path: "Sources/C/CLinux"),
    .systemLibrary(
        name: "CNghttp2", path: "Sources/C/CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(
        name: "COpenSSL", path: "Sources/C/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CPostgres", path: "Sources/C/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CArgon2", path: "Sources/C/CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
]

// MARK: - Gateway: the data plane (no Foundation, no NIO, no Hummingbird) and its control

let gateway: [Target] = [
    .room("Routing", in: "Gateway", settings: dataPlane),
    .room("Policy", in: "Gateway", settings: dataPlane),
    .room("Wire", in: "Gateway", settings: dataPlane),
    .room("Reactor", in: "Gateway", ["CLinux", "COpenSSL"], settings: dataPlane),
    .room("Proxy", in: "Gateway", ["Policy", "Reactor", "Routing", "Wire"], settings: dataPlane),
    .room(
        "Control", in: "Gateway",
        [
            "Policy", "Proxy", "Reactor", "Routing",
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            .product(name: "Yams", package: "Yams"),
        ]),
]

// MARK: - Platform: what every service stands on

let platform: [Target] = [
    .room("Postgres", in: "Platform", ["CLinux", "CPostgres", .product(name: "Logging", package: "swift-log")]),
    .room(
        "Telemetry", in: "Platform",
        [
            .product(name: "Logging", package: "swift-log"),
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "CoreMetrics", package: "swift-metrics"),
        ]),
    .room(
        "ServiceKit", in: "Platform",
        [
            "Postgres", "Telemetry",
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "Configuration", package: "swift-configuration"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Yams", package: "Yams"),
        ]),
]

// MARK: - Services: libraries, all of the same shape

let serviceDependencies: [Target.Dependency] = [
    "Postgres", "ServiceKit", "Telemetry",
    .product(name: "Configuration", package: "swift-configuration"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "Logging", package: "swift-log"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
]

let services: [Target] = [
    .service("Warehouse"),
    .service("Accounting"),
    .service(
        "Sales",
        [
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    .service(
        "Identity",
        [
            "CArgon2",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "CryptoExtras", package: "swift-crypto"),
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ]),
]

// MARK: - Executables: parse, assemble, run

let executables: [Target] = [
    .program(
        "gatehouse",
        [
            "Control", "Routing", "Telemetry",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ]),
    .program(
        "gatehouse-dev",
        [
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "JWTKit", package: "jwt-kit"),
        ]),
    .executableTarget(
        name: "route-bench", dependencies: ["Routing"], path: "Sources/Executables/route-bench", swiftSettings: strict),
    .program("warehouse-service", ["ServiceKit", "Warehouse"]),
    .program("accounting-service", ["Accounting", "ServiceKit"]),
    .program("sales-service", ["Sales", "ServiceKit"]),
    .program("identity-service", ["Identity", "ServiceKit"]),
]

// MARK: - Tests: one folder per target, same names

let serviceTestDependencies: [Target.Dependency] = [
    "Postgres", "ServiceTestSupport", "Telemetry", "TestSupport",
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdTesting", package: "hummingbird"),
    .product(name: "JWTKit", package: "jwt-kit"),
    .product(name: "Logging", package: "swift-log"),
    .product(name: "NIOCore", package: "swift-nio"),
]

let tests: [Target] = [
    .target(
        name: "TestSupport",
        dependencies: ["CLinux", "Postgres"],
        path: "Tests/TestSupport",
        swiftSettings: strict),
    .target(
        name: "ServiceTestSupport",
        dependencies: [
            "Postgres", "ServiceKit", "Telemetry", "TestSupport",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HummingbirdTesting", package: "hummingbird"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ],
        path: "Tests/ServiceTestSupport",
        swiftSettings: strict),
    .tests("Routing", ["GatewayTestSupport"]),
    .tests("Policy"),
    .target(
        name: "GatewayTestSupport",
        dependencies: ["CLinux", "COpenSSL", "Wire"],
        path: "Tests/GatewayTestSupport",
        swiftSettings: strict),
    .tests("Wire", ["CNghttp2", "GatewayTestSupport"]),
    .tests("Reactor", ["CLinux", "GatewayTestSupport"]),
    .tests("Proxy", ["GatewayTestSupport", "Policy", "Reactor", "Routing", "Wire"]),
    .tests(
        "Control",
        [
            "GatewayTestSupport", "Policy", "Proxy", "Reactor", "Routing",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "CryptoExtras", package: "swift-crypto"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HummingbirdTesting", package: "hummingbird"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            .product(name: "Yams", package: "Yams"),
        ],
        exclude: ["Translation"]),
    .tests("Postgres", ["TestSupport", .product(name: "Logging", package: "swift-log")]),
    .tests(
        "Telemetry",
        [
            .product(name: "Logging", package: "swift-log"),
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "CoreMetrics", package: "swift-metrics"),
        ]),
    .tests(
        "ServiceKit",
        serviceTestDependencies + [
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ]),
    .tests("Warehouse", serviceTestDependencies + ["ServiceKit"]),
    .tests("Accounting", serviceTestDependencies + ["ServiceKit"]),
    .tests("Sales", serviceTestDependencies + ["ServiceKit", "Warehouse"]),
    .tests(
        "Identity",
        serviceTestDependencies + [
            "ServiceKit",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "CryptoExtras", package: "swift-crypto"),
        ]),
    .testTarget(
        name: "GatehouseTests",
        dependencies: [
            "Control", "Routing", "gatehouse", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        path: "Tests/GatehouseTests",
        swiftSettings: strict),
    .testTarget(
        name: "GatehouseDevTests",
        dependencies: [
            "gatehouse-dev",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "JWTKit", package: "jwt-kit"),
        ],
        path: "Tests/GatehouseDevTests",
        swiftSettings: strict),
    .testTarget(
        name: "EndToEndTests",
        dependencies: [
            "Postgres", "TestSupport",
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ],
        path: "Tests/EndToEndTests",
        swiftSettings: strict),
]

// MARK: - Package

let package = Package(
    name: "gatehouse",
    products: [
        .executable(name: "gatehouse", targets: ["gatehouse"]),
        .executable(name: "gatehouse-dev", targets: ["gatehouse-dev"]),
        .executable(name: "warehouse-service", targets: ["warehouse-service"]),
        .executable(name: "accounting-service", targets: ["accounting-service"]),
        .executable(name: "sales-service", targets: ["sales-service"]),
        .executable(name: "identity-service", targets: ["identity-service"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: [.defaults, "YAML", "Reloading", "CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: cLibraries + gateway + platform + services + executables + tests
)

extension Target {
    static func room(
        _ name: String, in house: String, _ dependencies: [Dependency] = [], settings: [SwiftSetting] = strict
    ) -> Target {
        .target(
            name: name, dependencies: dependencies, path: "Sources/\(house)/\(name)", swiftSettings: settings)
    }

    static func service(_ name: String, _ dependencies: [Dependency] = []) -> Target {
        .target(
            name: name, dependencies: serviceDependencies + dependencies, path: "Sources/Services/\(name)",
            resources: [.embedInCode("Migrations")], swiftSettings: strict)
    }

    static func program(_ name: String, _ dependencies: [Dependency]) -> Target {
        .executableTarget(
            name: name,
            dependencies: dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/Executables/\(name)", swiftSettings: strict)
    }

    static func tests(_ name: String, _ dependencies: [Dependency] = [], exclude: [String] = []) -> Target {
        .testTarget(
            name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, path: "Tests/\(name)Tests",
            exclude: exclude, swiftSettings: strict)
    }
}
