/// An HTTP/1.1 message as it was on the wire.
public struct RawMessage: Sendable {
    public var startLine = ""
    public var fields: [(name: String, value: String)] = []
    public var body: [UInt8] = []
    public var trailers: [(name: String, value: String)] = []
    /// The connection ended before the message did.
    public var isCut = false

    public init() {}

    /// The first field of that name (lower case).
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    public func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    public var text: String { String(decoding: body, as: UTF8.self) }

    /// Of a response.
    public var status: Int { startLine.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }

    /// Of a request: the method and the target.
    public var requestLine: String { startLine.split(separator: " ").prefix(2).joined(separator: " ") }
}

/// Reads HTTP/1.1 messages from a stream, trusting what the fields say. For one thread.
public final class MessageReader {
    private let stream: any ByteStream
    private var buffer: [UInt8] = []

    public init(_ stream: any ByteStream) { self.stream = stream }

    /// The next request; nil at the end of the connection.
    public func request() throws(StreamFailure) -> RawMessage? {
        guard var message = try head() else { return nil }
        try readBody(of: &message, hasNone: message["transfer-encoding"] == nil && message["content-length"] == nil)
        return message
    }

    /// The next request's head; its body stays unread.
    public func requestHead() throws(StreamFailure) -> RawMessage? { try head() }

    /// The next response.
    ///
    /// - Throws: `reset`, also when the connection ends before a response.
    public func response(toHEAD: Bool = false) throws(StreamFailure) -> RawMessage {
        guard var message = try head() else { throw .reset }
        let status = message.status
        try readBody(of: &message, hasNone: toHEAD || status < 200 || status == 204 || status == 304)
        return message
    }

    /// The next response's head; what follows stays unread.
    public func responseHead() throws(StreamFailure) -> RawMessage {
        guard let message = try head() else { throw .reset }
        return message
    }

    /// Exactly `count` bytes, or fewer at the end of the stream.
    public func take(count: Int) throws(StreamFailure) -> [UInt8] { try exactly(count) }

    /// Whether the connection ended regularly, with nothing more on it.
    public func isAtEnd() throws(StreamFailure) -> Bool {
        guard buffer.isEmpty else { return false }
        return try stream.receive().isEmpty
    }

    /// Bytes of a body that `requestHead` left.
    public func take(upTo limit: Int) throws(StreamFailure) -> [UInt8] {
        if buffer.isEmpty { buffer = try stream.receive() }
        let taken = Array(buffer.prefix(limit))
        buffer.removeFirst(taken.count)
        return taken
    }

    private func head() throws(StreamFailure) -> RawMessage? {
        guard let startLine = try line() else { return nil }
        var message = RawMessage()
        message.startLine = startLine
        message.fields = try fields()
        return message
    }

    private func fields() throws(StreamFailure) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while let line = try line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            fields.append((parts[0].lowercased(), String(parts[1].drop { $0 == " " })))
        }
        return fields
    }

    private func line() throws(StreamFailure) -> String? {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end].filter { $0 != 13 }, as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            searched = buffer.count
            let more = try stream.receive()
            if more.isEmpty { return nil }
            buffer += more
        }
    }

    private func readBody(of message: inout RawMessage, hasNone: Bool) throws(StreamFailure) {
        if hasNone { return }
        do throws(StreamFailure) {
            if message["transfer-encoding"] != nil {
                try readChunks(into: &message)
            } else if let length = message["content-length"].flatMap({ Int($0) }) {
                message.body = try exactly(length)
                message.isCut = message.body.count < length
            } else {
                message.body = buffer
                buffer = []
                message.body += try stream.receiveToEnd()
            }
        } catch .timedOut {
            throw .timedOut
        } catch {
            message.isCut = true
        }
    }

    private func readChunks(into message: inout RawMessage) throws(StreamFailure) {
        while true {
            guard let line = try line(), let count = Int(line, radix: 16) else {
                message.isCut = true
                return
            }
            if count == 0 { break }
            let chunk = try exactly(count)
            message.body += chunk
            guard chunk.count == count, try self.line() != nil else {
                message.isCut = true
                return
            }
        }
        message.trailers = try fields()
    }

    private func exactly(_ count: Int) throws(StreamFailure) -> [UInt8] {
        var taken: [UInt8] = []
        taken.reserveCapacity(count)
        while taken.count < count {
            let bytes = try take(upTo: count - taken.count)
            if bytes.isEmpty { break }
            taken += bytes
        }
        return taken
    }
}
