import GatewayTestSupport
import Testing

@testable import Wire

/// Exchanges of all sizes with nghttp2 at the other end, in both roles: what went in comes out. A failure names its seed.
@Suite struct HTTP2InteroperationTests {
    private struct Message {
        var fields: [FieldSummary]
        var body: [UInt8]
        var trailers: [FieldSummary]
    }

    private static let seeds: Range<UInt64> = 1..<13

    @Test(arguments: seeds) func `our server and nghttp2's client`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let client = Nghttp2Peer(
            isServer: false, streamWindow: .random(in: 1...100_000, using: &random),
            tableSize: .random(in: 0...8_192, using: &random))
        let server = try HTTP2Peer(role: .server, settings: settings(&random))
        var answers: [Message] = []
        for _ in 0..<40 { answers.append(message(&random, [])) }
        var asked: [(Message, Nghttp2Peer.Stream)] = []
        server.configure = { [unowned server] stream in
            stream.received = { stream in
                if stream.hasEnded { self.respond(with: answers[Int(stream.id) / 2], on: stream, of: server) }
            }
        }
        for number in 0..<40 {
            let request = message(&random, requestFields(number, &random))
            asked.append((request, client.request(request.fields, body: request.body, trailers: request.trailers)))
            if Bool.random(using: &random) { try carry(client, server, &random) }
        }
        while try carry(client, server, &random) {}
        for (number, (request, stream)) in asked.enumerated() {
            let served = try #require(server.accepted.first { Int($0.id) / 2 == number }, "seed \(seed)")
            #expect(served.body == request.body, "seed \(seed), \(number)")
            let expected = request.fields.filter { !$0.name.hasPrefix(":") }
            #expect(served.request.headers.summary == expected, "seed \(seed), \(number)")
            #expect(served.request.targetString == "/\(number)")
            #expect(served.trailers.summary == request.trailers)
            #expect(stream.body == answers[number].body)
            #expect(stream.fields.dropFirst() == answers[number].fields[...], "seed \(seed), \(number)")
            #expect(stream.trailers == answers[number].trailers)
            #expect(stream.closeCode == 0 && served.closeCode == 0)
        }
        #expect(server.session.streamCount == 0)
        #expect(server.session.wastedStreams == 0)
    }

    @Test(arguments: seeds) func `our client and nghttp2's server`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let server = Nghttp2Peer(
            isServer: true, streamWindow: .random(in: 1...100_000, using: &random),
            tableSize: .random(in: 0...8_192, using: &random))
        let client = try HTTP2Peer(role: .client, settings: settings(&random))
        var answers: [Message] = []
        for _ in 0..<40 { answers.append(message(&random, [FieldSummary(":status", "200")])) }
        server.answer = { stream in
            let path = stream.fields.first { $0.name == ":path" }?.value.dropFirst() ?? ""
            let answer = answers[Int(path) ?? 0]
            return (answer.fields, answer.body, answer.trailers)
        }
        var asked: [(Message, RecordingStream)] = []
        for number in 0..<40 {
            let request = message(&random, [])
            let stream = try #require(
                client.request(
                    "POST", "/\(number)", fields: request.fields.map { ($0.name, $0.value) },
                    endStream: request.body.isEmpty && request.trailers.isEmpty))
            send(request, on: stream)
            asked.append((request, stream))
            if Bool.random(using: &random) { try carry(server, client, &random) }
        }
        while try carry(server, client, &random) {}
        for (number, (request, stream)) in asked.enumerated() {
            let served = try #require(server.streams[Int32(2 * number + 1)], "seed \(seed)")
            #expect(served.body == request.body, "seed \(seed), \(number)")
            #expect(served.fields.filter { !$0.name.hasPrefix(":") } == request.fields, "seed \(seed), \(number)")
            #expect(served.trailers == request.trailers)
            #expect(stream.body == answers[number].body, "seed \(seed), \(number)")
            #expect(stream.response.headers.summary == Array(answers[number].fields.dropFirst()))
            #expect(stream.trailers.summary == answers[number].trailers)
            #expect(stream.closeCode == 0 && served.closeCode == 0)
        }
        #expect(client.session.streamCount == 0)
        #expect(client.session.wastedStreams == 0)
    }

    // MARK: - Carrying

    /// Bytes in both directions, in pieces.
    /// - Returns: whether there were any.
    @discardableResult
    private func carry(_ other: Nghttp2Peer, _ ours: HTTP2Peer, _ random: inout SeededGenerator) throws -> Bool {
        let incoming = other.output()
        var start = 0
        while start < incoming.count {
            let end = min(incoming.count, start + Int.random(in: 1...20_000, using: &random))
            try ours.receive(Array(incoming[start..<end]))
            start = end
        }
        let outgoing = try ours.output(limit: .random(in: 1...100_000, using: &random))
        #expect(other.receive(outgoing), "nghttp2 refuses what we say")
        return !incoming.isEmpty || !outgoing.isEmpty
    }

    private func respond(with answer: Message, on stream: RecordingStream, of server: HTTP2Peer) {
        var head = ResponseHead()
        head.status = 200
        for field in answer.fields {
            head.headers.append(name: Array(field.name.utf8).span, value: Array(field.value.utf8).span)
        }
        let isWhole = answer.body.isEmpty && answer.trailers.isEmpty
        server.session.submitResponse(head, on: stream, endStream: isWhole)
        if !isWhole { send(answer, on: stream) }
    }

    private func send(_ message: Message, on stream: RecordingStream) {
        stream.write(message.body.span)
        var trailers = HeaderBlock()
        for field in message.trailers {
            trailers.append(name: Array(field.name.utf8).span, value: Array(field.value.utf8).span)
        }
        stream.finish(trailers: &trailers)
    }

    // MARK: - Messages

    private func settings(_ random: inout SeededGenerator) -> HTTP2SessionSettings {
        var settings = HTTP2SessionSettings()
        settings.streamWindow = .random(in: 1...200_000, using: &random)
        settings.connectionWindow = .random(in: 65_535...500_000, using: &random)
        settings.headerBytes = 1 << 20
        return settings
    }

    private func requestFields(_ number: Int, _ random: inout SeededGenerator) -> [FieldSummary] {
        [
            FieldSummary(":method", "POST"), FieldSummary(":scheme", "https"), FieldSummary(":path", "/\(number)"),
            FieldSummary(":authority", "localhost"),
        ]
    }

    private func message(_ random: inout SeededGenerator, _ first: [FieldSummary]) -> Message {
        var fields = first
        let names = ["accept", "x-a", "x-b", "user-agent", "authorization", "content-type", "x-\(random.next() % 50)"]
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let size = [0, 1, 20, 300, 5_000].randomElement(using: &random) ?? 0
            let value = random.bytes(from: Array("abcdefghij0123456789-._~".utf8), 0...size)
            let repeated = Bool.random(using: &random)
            let text = repeated ? "the same" : String(decoding: value, as: UTF8.self)
            fields.append(FieldSummary(names.randomElement(using: &random) ?? "x", text))
        }
        let size = [0, 1, 100, 16_384, 16_385, 100_000].randomElement(using: &random) ?? 0
        let trailers = Bool.random(using: &random) ? [] : [FieldSummary("x-sum", "\(random.next())")]
        return Message(fields: fields, body: Pattern.bytes(size, from: Int(random.next() % 200)), trailers: trailers)
    }
}
