import GatewayTestSupport
import Reactor
import Synchronization
import Wire

/// An endpoint that does what a test says: each connection runs the script on a thread of its own.
final class ScriptedUpstream: Sendable {
    // Sendable: made for one thread and used there.
    struct Connection: @unchecked Sendable {
        let socket: BlockingSocket
        /// The socket, or TLS over it.
        let stream: any ByteStream
        let reader: MessageReader
        /// From 0, in the order of accepting.
        let number: Int
        fileprivate let upstream: ScriptedUpstream

        func send(_ text: String) throws { try stream.send(text) }
        func send(_ bytes: [UInt8]) throws { try stream.send(bytes) }

        /// The next request, remembered by the upstream; nil when the gateway closed the connection.
        func request() throws -> RawMessage? {
            guard let request = try reader.request() else { return nil }
            upstream.state.withLock { $0.requests.append(request) }
            return request
        }

        /// Waits until the gateway closes the connection.
        func waitForEnd() {
            // A reset is an end too.
            while let bytes = try? stream.receive(), !bytes.isEmpty {}
            upstream.state.withLock { $0.closedByGateway += 1 }
        }
    }

    private struct State {
        var requests: [RawMessage] = []
        var connections = 0
        var closedByGateway = 0
        var threads: [WorkerThread] = []
        var sockets: [BlockingSocket] = []
    }

    private let listener: BlockingListener
    private let tls: BlockingTLSServer?
    private let state = Mutex(State())
    private let acceptor = Mutex<WorkerThread?>(nil)

    var port: UInt16 { listener.port }
    var requests: [RawMessage] { state.withLock { $0.requests } }
    var connectionCount: Int { state.withLock { $0.connections } }
    /// How many connections saw their end in `waitForEnd`.
    var closedByGateway: Int { state.withLock { $0.closedByGateway } }

    /// - Parameter script: when it returns or throws, the connection is closed.
    init(
        receiveBuffer: Int32? = nil, tls: BlockingTLSServer? = nil,
        script: @escaping @Sendable (Connection) throws -> Void
    ) throws {
        self.tls = tls
        listener = try BlockingListener(receiveBuffer: receiveBuffer)
        let thread = try WorkerThread(name: "upstream") { [self] in acceptAll(script) }
        acceptor.withLock { $0 = thread }
    }

    /// Answers each request of each connection with what `answer` makes of it.
    static func answering(
        tls: BlockingTLSServer? = nil, _ answer: @escaping @Sendable (RawMessage) -> String
    ) throws -> ScriptedUpstream {
        try ScriptedUpstream(tls: tls) { connection in
            while let request = try connection.request() { try connection.send(answer(request)) }
        }
    }

    /// Answers every request with 200 and the request's line.
    static func plain() throws -> ScriptedUpstream { try answering { Self.ok($0.requestLine) } }

    static func ok(_ body: String) -> String { "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)" }

    private func acceptAll(_ script: @escaping @Sendable (Connection) throws -> Void) {
        while let socket = listener.accept() {
            let number = state.withLock { state in
                state.connections += 1
                state.sockets.append(socket)
                return state.connections - 1
            }
            let thread = try? WorkerThread(name: "connection") { [self] in
                // What a script could not do is seen by what the client got.
                try? serve(socket, number, script)
                socket.close()
            }
            if let thread { state.withLock { $0.threads.append(thread) } }
        }
    }

    private func serve(
        _ socket: BlockingSocket, _ number: Int, _ script: @Sendable (Connection) throws -> Void
    ) throws {
        let stream: any ByteStream = try tls?.accept(socket) ?? socket
        let reader = MessageReader(stream)
        try script(Connection(socket: socket, stream: stream, reader: reader, number: number, upstream: self))
    }

    /// Closes the listener; connections go on.
    func stopListening() {
        listener.close()
        acceptor.withLock { $0.take() }?.join()
    }

    /// Ends everything and waits for the threads.
    func stop() {
        stopListening()
        let (threads, sockets) = state.withLock { state in
            defer { state.threads = [] }
            return (state.threads, state.sockets)
        }
        for socket in sockets { socket.interrupt() }
        for thread in threads { thread.join() }
    }
}

/// An endpoint that speaks HTTP/2 in cleartext.
final class HTTP2Upstream: Sendable {
    /// Called when a stream's head is in and when its end is.
    typealias Script = @Sendable (HTTP2Peer, RecordingStream) -> Void

    private let raw: ScriptedUpstream
    var port: UInt16 { raw.port }
    var connectionCount: Int { raw.connectionCount }

    init(
        settings: HTTP2SessionSettings = HTTP2SessionSettings(), tls: BlockingTLSServer? = nil,
        script: @escaping Script
    ) throws {
        raw = try ScriptedUpstream(tls: tls) { connection in
            let peer = try HTTP2Peer(role: .server, settings: settings)
            defer { peer.session.terminate() }
            peer.configure = { [unowned peer] stream in stream.received = { script(peer, $0) } }
            while !peer.session.isFinished {
                try connection.send(peer.output())
                let bytes = try connection.stream.receive()
                if bytes.isEmpty { return }
                try peer.receive(bytes)
            }
            try connection.send(peer.output())
        }
    }

    /// Answers each request, once it is whole, with 200 and its method and target.
    static func plain() throws -> HTTP2Upstream {
        try HTTP2Upstream { peer, stream in
            guard stream.hasEnded else { return }
            let line = "\(stream.request.methodString) \(stream.request.targetString)"
            peer.respond(200, on: stream, body: Array(line.utf8))
        }
    }

    func stop() { raw.stop() }
}
