import Testing

@testable import Wire

/// Random messages; a failure prints the seed to repeat it with.
@Suite("HTTP/1.1 properties")
struct HTTP1PropertyTests {
    private static let token = Array("!#$%&'*+-.^_`|~abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let value = (0x20...0x7E).map { UInt8($0) } + [0x09, 0x80, 0xC3, 0xFF]
    private static let target = Array("/abc-._~!$&'()*+,;=:@%?".utf8)

    @Test func `what the encoder writes the parser reads`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let head = Self.randomHead(&generator)
            var output: [UInt8] = []
            try HTTP1Encoder.requestHead(head, into: &output)
            var expected = head.summary
            expected.fields.removeAll { $0.name == "content-length" }
            let verdict = parseRequest(output)
            #expect(verdict.head?.method == expected.method, "seed \(seed)")
            #expect(verdict.head?.target == expected.target, "seed \(seed)")
            #expect(verdict.head?.framing == expected.framing, "seed \(seed)")
            #expect(verdict.head?.keepAlive == expected.keepAlive, "seed \(seed)")
            let fields = verdict.head?.fields.filter { $0.name != "content-length" && $0.name != "connection" }
            #expect(fields == expected.fields, "seed \(seed)")
        }
    }

    @Test func `chunks come back as they went`() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var content: [UInt8] = []
            var encoded: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                let piece = generator.bytes(from: Array(0...255), 0...600)
                content += piece
                HTTP1Encoder.chunk(piece.span, into: &encoded)
            }
            HTTP1Encoder.lastChunk(into: &encoded)
            var ends = [encoded.count]
            for _ in 0..<4 { ends.append(Int.random(in: 0...encoded.count, using: &generator)) }
            let body = decodeBody(encoded, .chunked, arriving: ends.sorted())
            #expect(body.content == content, "seed \(seed)")
            #expect(body.isFinished && body.consumed == encoded.count, "seed \(seed)")
        }
    }

    /// Valid messages with a few bytes changed: never a trap, the same verdict however the bytes arrive, and a head that
    /// is accepted can be written again and read alike.
    @Test(.timeLimit(.minutes(5)))
    func `a mutated request is refused or means one thing`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let limits = HTTP1Limits(maxStartLineBytes: 120, maxHeaderBytes: 300, maxFieldCount: 8)
        for round in 0..<10_000 {
            let text = HTTP1SplitTests.requests[round % HTTP1SplitTests.requests.count]
            let bytes = Self.mutated(Array(text.utf8), &generator)
            let whole = parseRequest(bytes, limits: limits)
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(parseRequest(bytes, arriving: [cut, bytes.count], limits: limits) == whole, "seed \(seed)")
            guard let head = whole.head else { continue }
            try Self.expectOneMeaning(of: bytes, head, limits, "seed \(seed) round \(round)")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `mutated responses and chunks are refused or read alike in pieces`() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let response = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX : y\r\nConnection: close\r\n\r\n".utf8)
        let chunks = Array("5\r\nhello\r\n6;a=\"b\\\"c\";d=e\r\n world\r\n0\r\nX: y\r\nZ:\r\n\r\nGET".utf8)
        for _ in 0..<10_000 {
            let head = Self.mutated(response, &generator)
            var cut = Int.random(in: 0...head.count, using: &generator)
            #expect(parseResponse(head, arriving: [cut, head.count]) == parseResponse(head), "seed \(seed)")

            let body = Self.mutated(chunks, &generator)
            cut = Int.random(in: 0...body.count, using: &generator)
            let whole = decodeBody(body, .chunked)
            let pieces = decodeBody(body, .chunked, arriving: [cut, body.count])
            #expect(pieces.error == whole.error, "seed \(seed)")
            if whole.error == nil { #expect(pieces == whole, "seed \(seed)") }
        }
    }

    // MARK: - Private

    private static func randomHead(_ generator: inout SeededGenerator) -> RequestHead {
        var head = RequestHead()
        head.setMethod(generator.bytes(from: token, 1...8).span)
        head.setTarget((Array("/".utf8) + generator.bytes(from: target, 0...30)).span)
        head.setAuthority("example.test:8443")
        head.keepAlive = Bool.random(using: &generator)
        head.framing =
            [.none, .chunked, .length(UInt64.random(in: .min ... .max, using: &generator))]
            .randomElement(using: &generator) ?? .none
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            // Names of the codec's own fields cannot come out of this: they have no digit in front.
            let name = Array("0".utf8) + generator.bytes(from: token, 0...20)
            let bytes = generator.bytes(from: value, 0...60)
            let trimmed = bytes[ByteScan.trimmed(bytes.span, 0..<bytes.count)]
            head.headers.append(name: name.span, value: Array(trimmed).span)
        }
        return head
    }

    private static func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        let telling = Array("\r\n\t :,;=\"%/0a\0\u{7F}".utf8) + [0x80, 0xFF]
        var result = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !result.isEmpty {
            let place = Int.random(in: 0..<result.count, using: &generator)
            let byte = telling.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: result[place] = byte
            case 1: result.insert(byte, at: place)
            case 2: result.remove(at: place)
            default: result.swapAt(place, Int.random(in: 0..<result.count, using: &generator))
            }
        }
        return result
    }

    private static func expectOneMeaning(
        of bytes: [UInt8], _ summary: RequestSummary, _ limits: HTTP1Limits, _ context: Comment
    ) throws {
        var parser = HTTP1RequestParser()
        var head = RequestHead()
        _ = try parser.parse(bytes.span, into: &head, limits: limits)
        #expect(!summary.fields.contains { $0.name == "host" || $0.name == "transfer-encoding" }, context)
        head.headers.removeHopByHopFields()
        // HTTP/1.0 ignores any expectation (RFC 9110 §10.1.1), HTTP/1.1 does not; the gateway never passes one on.
        head.headers.remove("expect")
        if head.authorityString.isEmpty { head.setAuthority("upstream") }
        var output: [UInt8] = []
        try HTTP1Encoder.requestHead(head, into: &output)
        let again = parseRequest(output).head
        #expect(again?.method == summary.method && again?.target == summary.target, context)
        // A POST without content says so on the way out.
        let framing = summary.framing == .none && again?.framing == .length(0) ? .length(0) : summary.framing
        #expect(again?.framing == framing, context)
    }
}
