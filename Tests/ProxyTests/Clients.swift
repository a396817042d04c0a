import GatewayTestSupport
import Proxy
import Testing
import Wire

/// A raw HTTP/1.1 client.
final class Client {
    let socket: BlockingSocket
    let stream: any ByteStream
    let reader: MessageReader

    init(socket: BlockingSocket, stream: any ByteStream) {
        self.socket = socket
        self.stream = stream
        reader = MessageReader(stream)
    }

    deinit { socket.close() }

    func send(_ text: String) throws { try stream.send(text) }

    func get(_ path: String, method: String = "GET", fields: [String] = []) throws {
        try send(request(method, path, fields))
    }

    func post(_ path: String, _ body: [UInt8], fields: [String] = []) throws {
        try stream.send(Array(request("POST", path, fields + ["content-length: \(body.count)"]).utf8) + body)
    }

    func response(toHEAD: Bool = false) throws -> RawMessage { try reader.response(toHEAD: toHEAD) }

    /// Asks again and again until an answer is as wanted: a new configuration takes a moment to be in force.
    func eventuallyGets(_ path: String, fields: [String] = [], _ isWanted: (RawMessage) -> Bool) -> Bool {
        eventually {
            guard (try? get(path, fields: fields)) != nil, let answer = try? response() else { return false }
            return isWanted(answer)
        }
    }

    private func request(_ method: String, _ path: String, _ fields: [String]) -> String {
        (["\(method) \(path) HTTP/1.1", "host: localhost"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }
}

/// A raw HTTP/2 client.
final class HTTP2Client {
    let socket: BlockingSocket
    private let stream: any ByteStream
    let peer: HTTP2Peer

    init(_ stream: any ByteStream, socket: BlockingSocket, peer: HTTP2Peer? = nil) throws {
        self.stream = stream
        self.socket = socket
        self.peer = try peer ?? HTTP2Peer(role: .client)
    }

    deinit {
        peer.session.terminate()
        socket.close()
    }

    func flush() throws {
        let bytes = try peer.output()
        if !bytes.isEmpty { try stream.send(bytes) }
    }

    /// Sends and receives until `condition` holds.
    ///
    /// - Throws: `reset` when the gateway ends the connection before.
    func pump(until condition: () -> Bool) throws {
        while true {
            try flush()
            if condition() { return }
            let bytes = try stream.receive()
            if bytes.isEmpty { throw StreamFailure.reset }
            try peer.receive(bytes)
        }
    }

    /// Sends a request without a body and waits for its whole answer.
    func get(_ path: String, fields: [(String, String)] = []) throws -> RecordingStream {
        let stream = try #require(peer.request("GET", path, fields: fields))
        try pump { stream.closeCode != nil }
        return stream
    }

    func post(_ path: String, _ body: [UInt8], fields: [(String, String)] = []) throws -> RecordingStream {
        let stream = try #require(peer.request("POST", path, fields: fields, endStream: false))
        stream.write(body.span)
        stream.finish()
        try pump { stream.closeCode != nil }
        return stream
    }
}

extension RecordingStream {
    var status: Int { Int(response.status) }
    var text: String { String(decoding: body, as: UTF8.self) }
}
