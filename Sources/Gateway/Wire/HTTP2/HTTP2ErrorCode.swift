/// Why a stream or a connection ends (RFC 9113 §7). Thrown, it is an error of the connection.
struct HTTP2ErrorCode: Error, Equatable, Sendable {
    let rawValue: UInt32

    static let noError = HTTP2ErrorCode(rawValue: 0)
    static let protocolError = HTTP2ErrorCode(rawValue: 1)
    static let flowControl = HTTP2ErrorCode(rawValue: 3)
    static let streamClosed = HTTP2ErrorCode(rawValue: 5)
    static let frameSize = HTTP2ErrorCode(rawValue: 6)
    static let refusedStream = HTTP2ErrorCode(rawValue: 7)
    static let compression = HTTP2ErrorCode(rawValue: 9)
    static let connect = HTTP2ErrorCode(rawValue: 10)
    static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 11)
}

/// The other side broke the protocol beyond an answer, or flooded us; the connection is to be closed without a word.
public struct HTTP2SessionError: Error, Sendable, Equatable, CustomStringConvertible {
    enum Reason: String, Sendable {
        case badPreface = "the connection does not begin with HTTP/2's preface"
        case flooded = "the other side sends more than can be answered"
    }

    let reason: Reason

    /// More answers to PING or SETTINGS are wanted than can be sent, or a field block does not end.
    public var isFlood: Bool { reason == .flooded }
    public var description: String { reason.rawValue }

    static let badPreface = HTTP2SessionError(reason: .badPreface)
    static let flooded = HTTP2SessionError(reason: .flooded)
}
