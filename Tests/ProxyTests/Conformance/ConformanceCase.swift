import GatewayTestSupport
import Testing

/// RFC 9113 §7.
enum ErrorCode: UInt32, Sendable {
    case none, protocolError, internalError, flowControl, settingsTimeout, streamClosed, frameSize, refusedStream
    case cancel, compression, connect, enhanceYourCalm
}

/// What the gateway must do once all of a case was sent.
enum Verdict: Sendable {
    /// GOAWAY with one of the codes, and then the end of the connection (RFC 9113 §5.4.1).
    case connectionError([ErrorCode])
    /// RST_STREAM for stream 1, or for the stream given, with one of the codes, or a connection error with it (§5.4.2).
    case streamError([ErrorCode], stream: UInt32 = 1)
    /// RST_STREAM, and nothing less or more.
    case reset(ErrorCode)
    /// The connection ends, with or without a word.
    case ends
    /// The connection lives: a PING is answered.
    case lives
    /// A response begins on this stream.
    case answers(UInt32 = 1)
    /// The first DATA frame of stream 1 has this many bytes.
    case dataOf(Int)
    /// SETTINGS are acknowledged.
    case acknowledges
    /// A malformed request: refused by the stream's error or by 400, never forwarded (RFC 9113 §8.1.1).
    case refuses
}

/// One thing a client may do, and what must come of it.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    enum Step: Sendable {
        case frames([RawFrame])
        case raw([UInt8])
        /// Waits until SETTINGS are acknowledged.
        case acknowledged
        /// Waits until stream 1 was answered whole.
        case answered
        /// Waits for a DATA frame.
        case data
    }

    /// h2spec's number, where it has one: "generic" for its first part, "hpack" for its last; "+" where it has none.
    let section: String
    let name: String
    let steps: [Step]
    let verdict: Verdict
    /// Without the handshake: the steps are all that is sent.
    var isBare = false

    var testDescription: String { "\(section) \(name)" }

    init(_ section: String, _ name: String, _ steps: [Step], _ verdict: Verdict, isBare: Bool = false) {
        self.section = section
        self.name = name
        self.steps = steps
        self.verdict = verdict
        self.isBare = isBare
    }

    /// Each frame a step of its own.
    init(_ section: String, _ name: String, _ frames: [RawFrame], _ verdict: Verdict) {
        self.init(section, name, frames.map { .frames([$0]) }, verdict)
    }
}

/// Field sections of requests for "/".
enum Fields {
    static func get(_ more: [(String, String)] = []) -> [UInt8] { block("GET", more) }
    static func post(_ more: [(String, String)] = []) -> [UInt8] { block("POST", more) }

    static func block(_ method: String, _ more: [(String, String)] = []) -> [UInt8] {
        plainHPACK([(":method", method), (":scheme", "https"), (":path", "/"), (":authority", "localhost")] + more)
    }

    /// Several pieces of about equal length.
    static func pieces(_ block: [UInt8], _ count: Int) -> [[UInt8]] {
        let size = (block.count + count - 1) / count
        return stride(from: 0, to: block.count, by: size).map { Array(block[$0..<min($0 + size, block.count)]) }
    }
}
