import GatewayTestSupport
import Reactor
import Testing

/// Over loopback, against raw blocking sockets.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TransportTests {
    private func echo() -> RecordingProtocol {
        RecordingProtocol(received: { connection, bytes in connection.transport?.write(bytes) })
    }

    @Test func `answers with what it got, and tells when the client has ended`() throws {
        let server = try RecordingServer(makeProtocol: echo)
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("hello")
        #expect(try client.receive(count: 5) == Array("hello".utf8))
        try client.send("again")
        #expect(try client.receive(count: 5) == Array("again".utf8))
        client.shutdownSending()
        #expect(try client.receiveToEnd().isEmpty)
        client.close()
        let connection = try server.connection()
        #expect(eventually { connection.now.ends == [.closed] })
        #expect(connection.now.hasReceivedEnd)
    }

    @Test func `a half-closed client still gets what is written`() throws {
        let server = try RecordingServer {
            RecordingProtocol(receivedEnd: { connection in
                connection.transport?.write(Array("the answer".utf8))
                connection.transport?.closeAfterFlush()
            })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("the question")
        client.shutdownSending()
        #expect(try client.receiveToEnd() == Array("the answer".utf8))
    }

    /// 16 MB to a client that reads in small pieces through a small window: nothing is lost, and the protocol hears when
    /// the kernel has taken all.
    @Test func `a slow reader gets megabytes whole`() throws {
        let size = 16 << 20
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, _ in
                connection.transport?.write(Pattern.bytes(size))
            })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port, receiveBuffer: 16_384)
        try client.send("go")
        let connection = try server.connection()
        #expect(eventually { connection.now.receivedCount == 2 })
        #expect(connection.now.drainedCount == 0)
        var offset = 0
        while offset < size {
            let bytes = try client.receive(upTo: 100_000)
            guard !bytes.isEmpty else { break }
            let isRight = Pattern.matches(bytes, at: offset)
            #expect(isRight, "at \(offset)")
            if !isRight { break }
            offset += bytes.count
        }
        #expect(offset == size)
        #expect(eventually { connection.now.drainedCount == 1 })
    }

    @Test func `says that it was drained also when the kernel took all at once`() throws {
        let server = try RecordingServer(makeProtocol: echo)
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("x")
        _ = try client.receive(count: 1)
        let connection = try server.connection()
        #expect(eventually { connection.now.drainedCount == 1 })
    }

    @Test func `reads nothing while paused, and all of it afterwards`() throws {
        let server = try RecordingServer {
            RecordingProtocol(opened: { connection in connection.transport?.pauseReading() })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        let sent = Pattern.bytes(200_000)
        try client.send(sent)
        client.shutdownSending()
        let connection = try server.connection()
        // Two turns of the loop, in which it would have read.
        for _ in 0..<2 { _ = try server.loop.onLoop { _ in 0 } }
        #expect(connection.now.receivedCount == 0)
        try server.loop.onLoop { _ in connection.transport?.resumeReading() }
        #expect(eventually { connection.now.ends == [.closed] })
        #expect(connection.now.received == sent)
    }

    @Test func `notices a reset while reading is paused`() throws {
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, _ in connection.transport?.pauseReading() })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("x")
        let connection = try server.connection()
        #expect(eventually { connection.now.receivedCount == 1 })
        client.reset()
        #expect(eventually { connection.now.ends == [.lost] })
    }

    @Test func `a reset peer ends the transport once`() throws {
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, _ in
                connection.transport?.write([UInt8](repeating: 1, count: 10 << 20))
            })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("x")
        _ = try client.receive(upTo: 10)
        client.reset()
        let connection = try server.connection()
        #expect(eventually { !connection.now.ends.isEmpty })
        #expect(connection.now.ends == [.lost])
    }

    /// The other side answers early, closes, and resets what still comes: its answer is read before the loss is noticed.
    @Test func `reads an early answer although writing has failed`() throws {
        let listener = try BlockingListener()
        let loop = try LoopThread()
        defer { loop.stop() }
        let connection = RecordingProtocol()
        try loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: listener.port)
            connection.transport = try Transport(connectingTo: address, loop: eventLoop, delegate: connection)
        }
        let peer = try #require(listener.accept())
        #expect(eventually { connection.now.isOpened })
        try loop.onLoop { _ in connection.transport?.write(Array("unread".utf8)) }
        #expect(try peer.receive(upTo: 1).count == 1)
        // Within one turn, so that writing fails before there was a chance to read.
        try loop.onLoop { _ in
            try peer.send("413 and goodbye")
            // Closing with unread bytes resets the connection, after the answer.
            peer.close()
            connection.transport?.write([UInt8](repeating: 0, count: 1 << 20))
        }
        #expect(eventually { !connection.now.ends.isEmpty })
        #expect(String(decoding: connection.now.received, as: UTF8.self) == "413 and goodbye")
    }

    @Test func `sends what is written before it closes, and reads what still comes`() throws {
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, _ in
                connection.transport?.write(Array("goodbye".utf8))
                connection.transport?.closeAfterFlush()
            })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        // More than one receive takes: without lingering, the answer would be reset away.
        try client.send([UInt8](repeating: 7, count: 500_000))
        #expect(try client.receiveToEnd() == Array("goodbye".utf8))
        client.close()
        let connection = try server.connection()
        #expect(eventually { connection.now.ends == [.closed] })
        #expect(connection.now.receivedCount <= 131_072, "nothing is delivered after closeAfterFlush")
    }

    @Test func `does not linger for ever`() throws {
        let server = try RecordingServer {
            RecordingProtocol(opened: { $0.transport?.closeAfterFlush() })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        let connection = try server.connection()
        // The client never closes; two seconds and a tick are all it gets.
        #expect(eventually { connection.now.ends == [.closed] })
        client.close()
    }

    @Test func `closing with reset is seen as one`() throws {
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, _ in connection.transport?.closeWithReset() })
        }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        try client.send("x")
        #expect(throws: StreamFailure.reset) { try client.receive() }
    }

    @Test func `tells of a refused connection`() throws {
        let dead = try PortReservation()
        let loop = try LoopThread()
        defer { loop.stop() }
        let connection = RecordingProtocol()
        try loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: dead.port)
            connection.transport = try Transport(connectingTo: address, loop: eventLoop, delegate: connection)
            connection.transport?.write(Array("never sent".utf8))
        }
        #expect(eventually { connection.now.ends == [.connectFailed] })
        #expect(!connection.now.isOpened)
    }

    @Test func `sends what was written before it was connected`() throws {
        let listener = try BlockingListener()
        let loop = try LoopThread()
        defer { loop.stop() }
        let connection = RecordingProtocol()
        try loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: listener.port)
            connection.transport = try Transport(connectingTo: address, loop: eventLoop, delegate: connection)
            connection.transport?.write(Array("early".utf8))
        }
        let peer = try #require(listener.accept())
        #expect(try peer.receive(count: 5) == Array("early".utf8))
        peer.close()
        #expect(eventually { !connection.now.ends.isEmpty })
    }

    /// One transport's end ends another, as an endpoint's does its client: both are released in the same turn.
    @Test func `a transport that ends while another is released is released too`() throws {
        final class Ending: TransportDelegate {
            let other: RecordingProtocol
            init(_ other: RecordingProtocol) { self.other = other }
            func transportOpened() {}
            func transportReceived(_ bytes: Span<UInt8>) {}
            func transportReceivedEnd() {}
            func transportWillFlush() {}
            func transportDrained() {}
            func transportEnded(_ end: TransportEnd) { other.transport?.close() }
        }
        let listener = try BlockingListener()
        let loop = try LoopThread()
        defer { loop.stop() }
        let other = RecordingProtocol()
        try loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: listener.port)
            other.transport = try Transport(connectingTo: address, loop: eventLoop, delegate: other)
        }
        let otherPeer = try #require(listener.accept())
        try loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: listener.port)
            _ = try Transport(connectingTo: address, loop: eventLoop, delegate: Ending(other))
        }
        let peer = try #require(listener.accept())
        peer.reset()
        #expect(eventually { other.now.ends == [.closed] })
        #expect(try otherPeer.receiveToEnd().isEmpty)
    }

    @Test func `writes of a released turn leave without another event`() throws {
        final class Answering: TransportDelegate {
            let other: RecordingProtocol
            init(_ other: RecordingProtocol) { self.other = other }
            func transportOpened() {}
            func transportReceived(_ bytes: Span<UInt8>) {}
            func transportReceivedEnd() {}
            func transportWillFlush() {}
            func transportDrained() {}
            func transportEnded(_ end: TransportEnd) { other.transport?.write(Array("it ended".utf8)) }
        }
        let server = try RecordingServer { RecordingProtocol() }
        defer { server.loop.stop() }
        let client = try BlockingSocket(connectingTo: server.port)
        let connection = try server.connection()
        let listener = try BlockingListener()
        let port = listener.port
        try server.loop.onLoop { eventLoop in
            let address = try SocketAddress(numeric: "127.0.0.1", port: port)
            _ = try Transport(connectingTo: address, loop: eventLoop, delegate: Answering(connection))
        }
        let peer = try #require(listener.accept())
        peer.reset()
        #expect(try client.receive(count: 8) == Array("it ended".utf8))
    }

    @Test func `a loop that stops closes what is open and tells its protocols`() throws {
        let server = try RecordingServer { RecordingProtocol() }
        let clients = try (0..<20).map { _ in try BlockingSocket(connectingTo: server.port) }
        let connections = try clients.indices.map { try server.connection($0) }
        server.loop.stop()
        for client in clients {
            #expect(try client.receiveToEnd().isEmpty)
            client.close()
        }
        for connection in connections { #expect(connection.now.ends == [.closed]) }
        #expect(SocketTable.connections(touching: server.port) == 0)
    }

    @Test func `no descriptor stays behind`() throws {
        let server = try RecordingServer(makeProtocol: echo)
        defer { server.loop.stop() }
        for round in 0..<200 {
            let client = try BlockingSocket(connectingTo: server.port)
            try client.send("x")
            _ = try client.receive(count: 1)
            if round % 3 == 0 { client.reset() } else { client.close() }
        }
        #expect(eventually { SocketTable.connections(touching: server.port) == 0 })
    }
}
