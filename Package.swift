// swift-tools-version: 6.2
import PackageDescription

/// What every library target is compiled with. Asynchronous functions stay on their caller's
/// executor, so a chain of layers never changes threads by itself.
let librarySettings: [SwiftSetting] = [
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// The parts that only exist when the trait `Server` is on.
let server = TargetDependencyCondition.when(traits: ["Server"])

let package = Package(
    name: "strata",
    products: [
        .library(name: "Strata", targets: ["Strata"]),
        .library(name: "StrataCompression", targets: ["StrataCompression"]),
        .library(name: "StrataRedis", targets: ["StrataRedis"]),
        .library(name: "StrataServer", targets: ["StrataServer"]),
        .library(name: "StrataTesting", targets: ["StrataTesting"]),
        .executable(name: "strata-example", targets: ["strata-example"]),
        .executable(name: "strata-proxy", targets: ["strata-proxy"]),
        .executable(name: "strata-bench", targets: ["strata-bench"]),
    ],
    traits: [
        .trait(
            name: "Server",
            description: "The embedded HTTP/1.1 server and what runs on it "
                + "(needs libmicrohttpd-dev, libcurl4-openssl-dev and libsqlite3-dev)."),
        .trait(
            name: "ISAL",
            description: "Faster gzip and deflate at level 1 (needs libisal-dev)."),
        .trait(
            name: "Libdeflate",
            description: "Faster gzip and deflate of buffered content (needs libdeflate-dev)."),
        .trait(name: "Zstd", description: "The content coding zstd (needs libzstd-dev)."),
        .trait(name: "Brotli", description: "The content coding br (needs libbrotli-dev)."),
        .default(enabledTraits: []),
    ],
    targets: [
        .systemLibrary(name: "CCrypto"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CISAL"),
        .systemLibrary(name: "CLibdeflate"),
        .systemLibrary(name: "CZstd"),
        .systemLibrary(name: "CBrotli"),
        .systemLibrary(name: "CHiredis"),
        .systemLibrary(name: "CSSL"),
        .systemLibrary(name: "CMicroHTTPD"),
        .systemLibrary(name: "CCurl"),
        .systemLibrary(name: "CSQLite"),

        .target(name: "CByteClasses"),
        .target(
            name: "Strata", dependencies: ["CCrypto", "CByteClasses"],
            swiftSettings: librarySettings),
        .target(
            name: "StrataCompression",
            dependencies: [
                "Strata", "CZlib",
                .target(name: "CISAL", condition: .when(traits: ["ISAL"])),
                .target(name: "CLibdeflate", condition: .when(traits: ["Libdeflate"])),
                .target(name: "CZstd", condition: .when(traits: ["Zstd"])),
                .target(name: "CBrotli", condition: .when(traits: ["Brotli"])),
            ],
            swiftSettings: librarySettings),
        .target(
            name: "StrataRedis", dependencies: ["Strata", "CHiredis", "CSSL"],
            swiftSettings: librarySettings),
        .target(
            name: "StrataServer",
            dependencies: [
                "Strata", .target(name: "CMicroHTTPD", condition: server),
                .target(name: "CCurl", condition: server),
            ],
            swiftSettings: librarySettings),
        .target(name: "StrataTesting", dependencies: ["Strata"], swiftSettings: librarySettings),

        .target(
            name: "SQLite",
            dependencies: ["Strata", .target(name: "CSQLite", condition: server)],
            swiftSettings: librarySettings),
        .executableTarget(
            name: "strata-example",
            dependencies: [
                "Strata", "StrataCompression", "StrataRedis", "SQLite",
                .target(name: "StrataServer", condition: server),
            ],
            swiftSettings: librarySettings),
        .target(name: "CAllocationCounter", path: "Benchmarks/CAllocationCounter"),
        .executableTarget(
            name: "strata-proxy",
            dependencies: [
                "Strata", "StrataCompression", "StrataRedis",
                .target(name: "StrataServer", condition: server),
            ],
            swiftSettings: librarySettings),
        .executableTarget(
            name: "strata-bench",
            dependencies: [
                "Strata", "StrataCompression", "StrataRedis", "StrataTesting",
                "CAllocationCounter", "CZlib", "CHiredis", "SQLite",
                .target(name: "StrataServer", condition: server),
            ],
            path: "Benchmarks/strata-bench",
            swiftSettings: librarySettings),

        .testTarget(
            name: "StrataTests", dependencies: ["Strata", "StrataTesting"],
            exclude: ["Caching/Golden"]),
        .testTarget(name: "StrataTestingTests", dependencies: ["Strata", "StrataTesting"]),
        .testTarget(
            name: "StrataCompressionTests",
            dependencies: ["Strata", "StrataCompression", "StrataTesting", "CZlib"]),
        .testTarget(
            name: "StrataRedisTests",
            dependencies: ["Strata", "StrataRedis", "StrataTesting", "CHiredis"]),
        .testTarget(
            name: "StrataServerTests",
            dependencies: [
                "Strata", "StrataTesting", "strata-proxy",
                .target(name: "StrataServer", condition: server),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
