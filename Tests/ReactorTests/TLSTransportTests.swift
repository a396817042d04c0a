import Foundation
import GatewayTestSupport
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct TLSTransportTests {
    private let context: TLSServerContext

    init() throws {
        let certificate = try Certificate.localhost.get()
        context = try TLSServerContext(
            certificateChainPEM: certificate.certificatePEM, privateKeyPEM: certificate.privateKeyPEM)
    }

    private func makeServer(
        received: @escaping @Sendable (RecordingProtocol, Span<UInt8>) -> Void
    ) throws -> RecordingServer {
        try RecordingServer(tls: context) { RecordingProtocol(received: received) }
    }

    private func makeEcho() throws -> RecordingServer {
        try makeServer { connection, bytes in connection.transport?.write(bytes) }
    }

    private func connect(_ server: RecordingServer, _ protocols: [String] = []) throws -> BlockingTLS {
        try BlockingTLS(over: BlockingSocket(connectingTo: server.port), protocols: protocols)
    }

    @Test func `answers over TLS and says goodbye`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let client = try connect(server)
        try client.send("hello")
        #expect(try client.receive(count: 5) == Array("hello".utf8))
        client.sendGoodbye()
        // A clean end needs the server's close_notify.
        #expect(try client.receiveToEnd().isEmpty)
        client.socket.close()
        let connection = try server.connection()
        #expect(eventually { connection.now.ends == [.closed] })
    }

    @Test(arguments: [
        (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"),
        (["spdy/1", "http/1.1"], "http/1.1"), ([], ""),
    ])
    func `chooses the protocol`(offered: [String], chosen: String) throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let client = try connect(server, offered)
        #expect(client.negotiatedProtocol == chosen)
        try client.send("x")
        _ = try client.receive(count: 1)
        let connection = try server.connection()
        #expect(try server.loop.onLoop { _ in connection.transport?.negotiatedHTTP2 } == (chosen == "h2"))
    }

    @Test func `refuses a client with no protocol in common`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        #expect(throws: StreamFailure.brokenTLS) { try connect(server, ["spdy/1"]) }
        let connection = try server.connection()
        #expect(eventually { connection.now.ends == [.handshakeFailed] })
    }

    @Test func `refuses a client that does not speak TLS`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        let connection = try server.connection()
        #expect(eventually { connection.now.ends == [.handshakeFailed] })
        #expect(connection.now.receivedCount == 0)
    }

    @Test func `a client that goes away during the handshake leaves nothing behind`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        for _ in 0..<20 {
            let client = try BlockingSocket(connectingTo: server.port)
            try client.send([22, 3, 1])
            client.close()
        }
        #expect(eventually { SocketTable.connections(touching: server.port) == 0 })
    }

    @Test func `a slow reader gets megabytes whole`() throws {
        let size = 16 << 20
        let server = try makeServer { connection, _ in
            connection.transport?.write(Pattern.bytes(size))
        }
        defer { server.loop.stop() }
        let socket = try BlockingSocket(connectingTo: server.port, receiveBuffer: 16_384)
        let client = try BlockingTLS(over: socket)
        try client.send("go")
        var offset = 0
        while offset < size {
            let bytes = try client.receive()
            guard !bytes.isEmpty else { break }
            let isRight = Pattern.matches(bytes, at: offset)
            #expect(isRight, "at \(offset)")
            if !isRight { break }
            offset += bytes.count
        }
        #expect(offset == size)
    }

    /// OpenSSL reads ahead, so bytes may be in its hands while the socket has none: resuming must look there.
    @Test func `a paused reader gets all that was sent meanwhile`() throws {
        let server = try makeServer { connection, _ in connection.transport?.pauseReading() }
        defer { server.loop.stop() }
        let client = try connect(server)
        let size = 1_000_011
        let sent = Pattern.bytes(size)
        let sender = try WorkerThread(name: "sender") {
            // What goes wrong is seen by the bytes that do not arrive.
            for start in stride(from: 0, to: size, by: 10_007) {
                try? client.send(Array(sent[start..<min(size, start + 10_007)]))
            }
        }
        let connection = try server.connection()
        let arrived = eventually(within: 20) {
            let count = connection.now.receivedCount
            guard count < size else { return true }
            // Lost steps only make this slower.
            try? server.loop.onLoop { _ in connection.transport?.resumeReading() }
            return false
        }
        #expect(arrived, "\(connection.now.receivedCount) of \(size)")
        sender.join()
        #expect(connection.now.received == sent)
    }

    /// The answer to a key update is made while reading. It must go to its own client, not to whoever is written to next.
    @Test func `a key update of one client does not disturb another`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let first = try connect(server)
        let second = try connect(server)
        for client in [first, second] {
            try client.send("hello")
            _ = try client.receive(count: 5)
        }
        for round in 0..<20 {
            // The server answers in its turn; when the other's echo comes, nothing may stand before it.
            first.updateKeys()
            try first.send("a")
            try second.send("b")
            #expect(try second.receive(count: 1) == Array("b".utf8), "round \(round)")
            #expect(try first.receive(count: 1) == Array("a".utf8), "round \(round)")
        }
    }

    @Test func `a client that updates its keys without end is sent away`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let client = try connect(server)
        let isStopped = (0..<2_000).contains { _ in
            client.updateKeys()
            guard (try? client.send("a")) != nil else { return true }
            return (try? client.receive(count: 1))?.isEmpty ?? true
        }
        #expect(isStopped)
        let other = try connect(server)
        try other.send("b")
        #expect(try other.receive(count: 1) == Array("b".utf8))
    }

    @Test func `a client that vanishes without goodbye ends the transport`() throws {
        let server = try makeEcho()
        defer { server.loop.stop() }
        let client = try connect(server)
        try client.send("x")
        _ = try client.receive(count: 1)
        client.socket.reset()
        let connection = try server.connection()
        #expect(eventually { connection.now.ends.count == 1 })
    }

    @Test func `refuses what is not a certificate, not a key, or not its key`() throws {
        let certificate = try Certificate.localhost.get()
        let other = try Certificate.other.get()
        #expect(throws: TLSError.self) {
            try TLSServerContext(
                certificateChainPEM: Array("no".utf8), privateKeyPEM: certificate.privateKeyPEM)
        }
        #expect(throws: TLSError.self) {
            try TLSServerContext(certificateChainPEM: certificate.certificatePEM, privateKeyPEM: Array("no".utf8))
        }
        #expect(throws: TLSError.keyDoesNotMatch) {
            try TLSServerContext(
                certificateChainPEM: certificate.certificatePEM, privateKeyPEM: other.privateKeyPEM)
        }
    }
}
