import Foundation
import GatewayTestSupport
import Testing

/// A program of somebody else.
struct Peer: Sendable {
    struct Result {
        var output: [UInt8]
        var errors: String
        var status: Int32
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    static let curl = Peer("curl")
    static let nghttp = Peer("nghttp")
    static let h2load = Peer("h2load")
    static let nghttpd = Peer("nghttpd")
    static let nginx = Peer("nginx")

    let name: String
    private let path: String?

    private init(_ name: String) {
        self.name = name
        path = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    /// For a program that scripts/bootstrap does not install.
    var isInstalled: Bool { path != nil }

    /// Whether its tests run: where it is installed, and in CI, where it has to be.
    var isWanted: Bool { path != nil || getenv("CI") != nil }

    private func process(_ arguments: [String]) throws -> Process {
        guard let path else { throw Missing(description: "\(name) is not installed; scripts/bootstrap installs it") }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs it to its end.
    func run(_ arguments: [String]) throws -> Result {
        let process = try process(arguments)
        // To files: a pipe that nobody empties would stop it.
        let output = try Self.file([])
        let errors = try Self.file([])
        defer { [output, errors].forEach(Self.remove) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        if !eventually(within: 60, { !process.isRunning }) { Server(process).stop() }
        return Result(
            output: try Array(Data(contentsOf: URL(filePath: output))),
            errors: try String(contentsOfFile: errors, encoding: .utf8), status: process.terminationStatus)
    }

    /// A server that runs until it is stopped.
    final class Server: Sendable {
        private let process: Process

        fileprivate init(_ process: Process) { self.process = process }

        /// SIGKILL: what a test's thread starts may have inherited that SIGTERM is blocked.
        func stop() {
            kill(process.processIdentifier, SIGKILL)
            _ = eventually { !process.isRunning }
        }
    }

    /// Starts it, and waits until it listens on `port`.
    func start(_ arguments: [String], port: UInt16) throws -> Server {
        let process = try process(arguments)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let server = Server(process)
        guard eventually(within: 30, { (try? BlockingSocket(connectingTo: port)) != nil }) else {
            server.stop()
            throw Missing(description: "\(name) does not listen")
        }
        return server
    }

    // MARK: - Files and ports

    static func freePort() throws -> UInt16 {
        let listener = try BlockingListener()
        defer { listener.close() }
        return listener.port
    }

    static func file(_ bytes: [UInt8]) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID())").path
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    static func folder(_ files: [String: [UInt8]]) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // nginx started by root serves as another user.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
        return folder.path
    }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }  // a leftover harms nobody
}
