import Foundation
import GatewayTestSupport
import Proxy
import Routing
import Testing

/// Clients and servers of other makers: Python's websockets and grpcio, from the environment that scripts/bootstrap makes.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PeerTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../..").standardized
    private static let python = root.appending(path: ".local/venv/bin/python")

    private static func run(_ arguments: [String], _ input: Pipe? = nil, _ output: Pipe? = nil) throws -> Process {
        let process = Process()
        process.executableURL = python
        process.arguments = arguments
        if let input { process.standardInput = input }
        process.standardOutput = output ?? FileHandle.nullDevice
        if output == nil { process.standardError = FileHandle.nullDevice }
        try process.run()
        return process
    }

    private static let hasPeers: Bool = {
        // Not there, or without the two: then the suite says so and is skipped.
        guard let process = try? run(["-c", "import grpc, websockets.asyncio.client"]) else { return false }
        guard eventually(within: 60, { !process.isRunning }) else {
            kill(process.processIdentifier, SIGKILL)
            return false
        }
        return process.terminationStatus == 0
    }()

    /// Ends a process that does not end by itself: what waits for it, or for its output, goes on then.
    private static func endAfterDeadline(_ process: Process) -> Task<Void, any Error> {
        Task.detached {
            try await Task.sleep(for: .seconds(120))  // lint: allow(sleep): the deadline itself
            kill(process.processIdentifier, SIGKILL)
        }
    }

    @Test(.enabled(if: hasPeers, "run scripts/bootstrap: .local/venv has no websockets or grpcio"))
    func `WebSocket and gRPC of other makers pass`() async throws {
        let (input, output) = (Pipe(), Pipe())
        let peers = try Self.run([Self.root.appending(path: "scripts/lib/peers.py").path], input, output)
        let watchdog = Self.endAfterDeadline(peers)
        defer {
            watchdog.cancel()
            if peers.isRunning { kill(peers.processIdentifier, SIGKILL) }
        }
        var line: [UInt8] = []
        while line.last != 10, let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
            line.append(byte)
        }
        let ports = String(decoding: line, as: UTF8.self).split { $0.isWhitespace }.compactMap { UInt16($0) }
        try #require(ports.count == 2)
        let site = Site(rules: [
            Site.Rule(path: "/ws", endpoints: [ports[0]]),
            Site.Rule(path: "/peers.Echo", endpoints: [ports[1]], wireProtocol: .h2c),
        ])
        let log = try await withGateway(site) { gateway in
            let text = try "\(gateway.port("http")) \(gateway.port("https"))\n"
            try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            peers.waitUntilExit()
            #expect(peers.terminationStatus == 0)
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
        #expect(log.count { $0.status == 101 } == 2)
    }
}
