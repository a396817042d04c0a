/// A connection as a test's raw peer sees it: every call blocks, and every call has a deadline.
public protocol ByteStream: Sendable {
    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws(StreamFailure)
    /// - Returns: at least one byte; none at the other side's regular end.
    func receive() throws(StreamFailure) -> [UInt8]
}

extension ByteStream {
    public func send(_ text: String) throws(StreamFailure) { try send(Array(text.utf8)) }

    /// Everything up to the regular end.
    public func receiveToEnd() throws(StreamFailure) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try receive()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// Exactly `count` bytes, or fewer when the stream ends before.
    public func receive(count: Int) throws(StreamFailure) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let bytes = try receive()
            if bytes.isEmpty { break }
            all += bytes
        }
        return all
    }
}

/// How a raw peer's call failed.
public enum StreamFailure: Error, Equatable {
    /// The deadline passed.
    case timedOut
    /// The other side reset the connection, or reads no more.
    case reset
    /// TLS: the connection ended without close_notify, or the handshake failed.
    case brokenTLS
    case system(errno: Int32)
}
