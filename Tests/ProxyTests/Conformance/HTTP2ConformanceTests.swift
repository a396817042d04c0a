import GatewayTestSupport
import Testing

/// RFC 9113 and RFC 7541 as h2spec checks them, and what it leaves out (sections with "+"), over TLS.
///
/// Each case runs four times: against a route with an endpoint and where no route is (the answer is there before the
/// request has ended), with all frames in one piece and with each one alone, the next one only when it was dealt with.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HTTP2ConformanceTests {
    @Test(arguments: ConformanceCase.generic)
    func `accepts what every client may do`(_ item: ConformanceCase) async throws { try await check(item) }

    @Test(arguments: ConformanceCase.wrongFrames)
    func `refuses frames that are wrong`(_ item: ConformanceCase) async throws { try await check(item) }

    @Test(arguments: ConformanceCase.wrongStates)
    func `refuses frames in the wrong state`(_ item: ConformanceCase) async throws { try await check(item) }

    @Test(arguments: ConformanceCase.wrongMessages)
    func `refuses malformed requests and field blocks`(_ item: ConformanceCase) async throws { try await check(item) }

    private func check(_ item: ConformanceCase) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        for site in [Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])]), Site(rules: [])] {
            try await withGateway(site) { gateway in
                for isApart in [false, true] {
                    let socket = try BlockingSocket(connectingTo: gateway.port("https"))
                    defer { socket.close() }
                    let client = RawHTTP2Client(try BlockingTLS(over: socket, protocols: ["h2"]))
                    let finding = try perform(item, with: client, isApart: isApart)
                    let route = site.rules.isEmpty ? "no route" : "forwarded"
                    #expect(finding == nil, "\(item.testDescription), \(route), \(isApart ? "apart" : "together")")
                }
            }
        }
        if case .refuses = item.verdict { #expect(upstream.requests.isEmpty, "\(item.testDescription) was forwarded") }
    }

    /// - Returns: what is wrong, or nil.
    private func perform(_ item: ConformanceCase, with client: RawHTTP2Client, isApart: Bool) throws -> String? {
        if !item.isBare, try !client.handshake() { return "no handshake" }
        for (index, step) in item.steps.enumerated() {
            let isLast = index == item.steps.count - 1
            switch step {
            case .raw(let bytes): if !bytes.isEmpty { try client.send(raw: bytes) }
            case .frames(let frames):
                try client.send(frames)
                // Within a field block nothing else may be sent.
                let endsBlock = frames.last.map { frame in
                    ![.headers, .continuation].contains(frame.kind) || frame.flags & RawFrame.endHeaders != 0
                }
                if isApart, !isLast, !item.isBare, endsBlock == true, try !client.roundTrip() {
                    return "the connection ended early"
                }
            case .acknowledged:
                guard try client.wait(for: { $0.kind == .settings && $0.isAck }) != nil else {
                    return "no SETTINGS ACK"
                }
            case .answered:
                guard try client.wait(for: { $0.stream == 1 && $0.endsStream }) != nil else { return "no whole answer" }
            case .data:
                guard try client.wait(for: { $0.kind == .data }) != nil else { return "no DATA" }
            }
        }
        var judge = Judge(verdict: item.verdict)
        return try judge.judge(client)
    }
}

/// Compares what comes with what must come.
private struct Judge {
    private static let lastPing = Array("lastping".utf8)

    let verdict: Verdict
    private var seen: [String] = []

    init(verdict: Verdict) { self.verdict = verdict }

    /// - Returns: what came instead, or nil.
    mutating func judge(_ client: RawHTTP2Client) throws -> String? {
        switch verdict {
        case .lives:
            guard try client.roundTrip() else { return "the connection ended" }
            let echoed = client.unread.contains { $0.kind == .ping && $0.payload == Array("invalid!".utf8) }
            return echoed ? "a PING with ACK was answered" : nil
        case .ends, .connectionError:
            return try judgeEnd(client)
        case .streamError, .reset, .refuses, .answers, .dataOf, .acknowledges:
            return try judgeFrames(client)
        }
    }

    private mutating func judgeEnd(_ client: RawHTTP2Client) throws -> String? {
        var goAway: UInt32?
        while let frame = try client.next() {
            note(frame)
            if frame.kind == .goAway { goAway = frame.errorCode }
        }
        guard case .connectionError(let codes) = verdict else { return nil }
        return contains(codes, goAway) ? nil : "\(seen)"
    }

    private mutating func judgeFrames(_ client: RawHTTP2Client) throws -> String? {
        // A stream's error may never come: then PINGs that are answered end the wait. Two, because an answer may overtake
        // what is older. The connection may have ended already, which is seen by what comes.
        try? client.send([.ping(Self.lastPing)])
        var pings = 0
        while let frame = try next(client) {
            note(frame)
            if isWanted(frame) { return nil }
            guard frame.kind == .ping, frame.payload == Self.lastPing, isOverWithPing else { continue }
            pings += 1
            if pings == 2 { break }
            try? client.send([.ping(Self.lastPing)])
        }
        return "\(seen)"
    }

    private func next(_ client: RawHTTP2Client) throws -> RawFrame? {
        do throws(StreamFailure) {
            return try client.next()
        } catch .timedOut {
            return nil
        }
    }

    /// What must come at once, or never comes.
    private var isOverWithPing: Bool {
        switch verdict {
        case .streamError, .reset, .acknowledges: true
        case .connectionError, .ends, .lives, .answers, .dataOf, .refuses: false
        }
    }

    private func isWanted(_ frame: RawFrame) -> Bool {
        switch verdict {
        case .streamError(let codes, let stream):
            (frame.kind == .reset && frame.stream == stream || frame.kind == .goAway)
                && contains(codes, frame.errorCode)
        case .reset(let code): frame.kind == .reset && frame.stream == 1 && frame.errorCode == code.rawValue
        case .answers(let stream): frame.kind == .headers && frame.stream == stream
        case .dataOf(let count): frame.kind == .data && frame.payload.count == count
        case .acknowledges: frame.kind == .settings && frame.isAck
        case .refuses: frame.stream == 1 && (frame.kind == .headers || frame.kind == .reset && frame.errorCode == 1)
        case .connectionError, .ends, .lives: false
        }
    }

    private func contains(_ codes: [ErrorCode], _ code: UInt32?) -> Bool { codes.contains { $0.rawValue == code } }

    private mutating func note(_ frame: RawFrame) {
        let kind = frame.kind.map { "\($0)" } ?? "frame \(frame.type)"
        seen.append(
            "\(kind)(\(frame.stream)) " + (frame.errorCode.map { "code \($0)" } ?? "\(frame.payload.count) bytes"))
    }
}
