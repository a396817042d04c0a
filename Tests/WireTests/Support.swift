import Testing

@testable import Wire

/// A request head as plain values, to compare and print.
struct RequestSummary: Equatable {
    var method = ""
    var target = ""
    var authority = ""
    var scheme = ""
    var version = HTTPVersion.http11
    var framing = BodyFraming.none
    var keepAlive = true
    var expectsContinue = false
    var fields: [FieldSummary] = []
}

struct ResponseSummary: Equatable {
    var status: UInt16
    var version = HTTPVersion.http11
    var framing = BodyFraming.none
    var keepAlive = true
    var fields: [FieldSummary] = []
}

struct FieldSummary: Equatable {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a parser says about an input: the head and how much it took, nothing yet, or why it refused.
enum Verdict<Head: Equatable>: Equatable {
    case complete(Head, consumed: Int)
    case incomplete
    case refused(HTTP1Error)

    var head: Head? {
        if case .complete(let head, _) = self { head } else { nil }
    }

    var error: HTTP1Error? {
        if case .refused(let error) = self { error } else { nil }
    }
}

extension HeaderBlock {
    var summary: [FieldSummary] {
        var fields: [FieldSummary] = []
        forEach { name, value, _ in fields.append(FieldSummary(String(copying: name), String(copying: value))) }
        return fields
    }
}

extension RequestHead {
    var summary: RequestSummary {
        RequestSummary(
            method: methodString, target: targetString, authority: authorityString,
            scheme: withScheme { String(copying: $0) }, version: version, framing: framing, keepAlive: keepAlive,
            expectsContinue: expectsContinue, fields: headers.summary)
    }
}

extension ResponseHead {
    var summary: ResponseSummary {
        ResponseSummary(
            status: status, version: version, framing: framing, keepAlive: keepAlive, fields: headers.summary)
    }
}

/// Parses a request that arrives so that `ends` are the lengths of what has arrived each time.
func parseRequest(
    _ bytes: [UInt8], arriving ends: [Int]? = nil, limits: HTTP1Limits = HTTP1Limits()
) -> Verdict<RequestSummary> {
    var parser = HTTP1RequestParser()
    var head = RequestHead()
    for end in ends ?? [bytes.count] {
        do throws(HTTP1Error) {
            if let consumed = try parser.parse(bytes.span.extracting(..<end), into: &head, limits: limits) {
                return .complete(head.summary, consumed: consumed)
            }
        } catch {
            return .refused(error)
        }
    }
    return .incomplete
}

func parseRequest(_ text: String, limits: HTTP1Limits = HTTP1Limits()) -> Verdict<RequestSummary> {
    parseRequest(Array(text.utf8), limits: limits)
}

func parseResponse(
    _ bytes: [UInt8], arriving ends: [Int]? = nil, toHEAD: Bool = false, limits: HTTP1Limits = HTTP1Limits()
) -> Verdict<ResponseSummary> {
    var parser = HTTP1ResponseParser(requestMethodIsHEAD: toHEAD)
    var head = ResponseHead()
    for end in ends ?? [bytes.count] {
        do throws(HTTP1Error) {
            if let consumed = try parser.parse(bytes.span.extracting(..<end), into: &head, limits: limits) {
                return .complete(head.summary, consumed: consumed)
            }
        } catch {
            return .refused(error)
        }
    }
    return .incomplete
}

func parseResponse(_ text: String, toHEAD: Bool = false) -> Verdict<ResponseSummary> {
    parseResponse(Array(text.utf8), toHEAD: toHEAD)
}

/// What a body decoder makes of an input.
struct DecodedBody: Equatable {
    var content: [UInt8] = []
    var trailers: [FieldSummary] = []
    var consumed = 0
    var isFinished = false
    var error: HTTP1Error?
}

/// Decodes content that arrives so that `ends` are the lengths of what has arrived each time.
func decodeBody(
    _ bytes: [UInt8], _ framing: BodyFraming, arriving ends: [Int]? = nil, maxTrailerBytes: Int = 8192,
    maxTrailerFields: Int = 32
) -> DecodedBody {
    var decoder = HTTP1BodyDecoder(
        framing: framing, maxTrailerBytes: maxTrailerBytes, maxTrailerFields: maxTrailerFields)
    var trailers = HeaderBlock()
    var result = DecodedBody()
    for end in ends ?? [bytes.count] {
        let input = bytes.span.extracting(result.consumed..<end)
        do throws(HTTP1Error) {
            var pieces: [UInt8] = []
            result.consumed += try decoder.decode(input, trailers: &trailers) { pieces.append(copying: $0) }
            result.content += pieces
        } catch {
            result.error = error
            return result
        }
    }
    result.trailers = trailers.summary
    result.isFinished = decoder.isFinished
    return result
}

func decodeBody(_ text: String, _ framing: BodyFraming = .chunked) -> DecodedBody {
    decodeBody(Array(text.utf8), framing)
}

/// A reproducible source of randomness; a failing property prints the seed it began with.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64 (Steele, Lea, Flood, 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func bytes(from alphabet: [UInt8], _ count: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: count, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? 0 }
    }
}

/// Ways in which `count` bytes may arrive: byte by byte, and in two parts at every boundary.
func splits(of count: Int) -> [[Int]] {
    [Array(0...count)] + (0...count).map { [$0, count] }
}

extension String {
    /// What stands between the quotes of a Swift literal, so that a failing case can be read.
    var escaped: String { debugDescription }
}
