@testable import Wire

/// Any bytes after the preface: nothing breaks, every stream is closed once, and pieces make no difference.
func checkHTTP2Server(_ input: [UInt8]) {
    let (frames, ends) = pieces(of: input)
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    let bytes = preface + frames
    let whole = run(.server, bytes, [bytes.count])
    let split = run(.server, bytes, ends.map { $0 + preface.count })
    // Not a precondition: its text is left out of release builds.
    if whole != split { fatalError("what streams see depends on the pieces: \(whole) \(split)") }
}

/// Any bytes from a server that three requests were sent to.
func checkHTTP2Client(_ input: [UInt8]) {
    let (frames, ends) = pieces(of: input)
    let bytes = [0, 0, 0, 4, 0, 0, 0, 0, 0] + frames
    let whole = run(.client, bytes, [bytes.count])
    let split = run(.client, bytes, ends.map { $0 + 9 })
    // Not a precondition: its text is left out of release builds.
    if whole != split { fatalError("what streams see depends on the pieces: \(whole) \(split)") }
}

private func run(_ role: HTTP2Session.Role, _ bytes: [UInt8], _ ends: [Int]) -> [[String]] {
    let end = End(role)
    guard end.open() else { preconditionFailure("a session cannot be made") }
    end.feed(bytes, ends)
    return end.close()
}

/// One end of a connection that answers every request as soon as it is whole.
private final class End: HTTP2SessionDelegate {
    private let role: HTTP2Session.Role
    private var session: HTTP2Session?
    private var streams: [Recorder] = []
    private var failed = false
    private var output: [UInt8] = []

    init(_ role: HTTP2Session.Role) { self.role = role }

    func makeStream() -> HTTP2Stream {
        let stream = Recorder(role)
        streams.append(stream)
        return stream
    }

    func sessionHasOutput() {}
    func sessionIsGoingAway() {}

    func open() -> Bool {
        var settings = HTTP2SessionSettings()
        settings.headerBytes = 2_000
        settings.headerFields = 16
        settings.concurrentStreams = 8
        let session = HTTP2Session(role: role, settings: settings, delegate: self)
        self.session = session
        guard role == .client else { return true }
        for index in 0..<3 {
            var head = RequestHead()
            head.setMethod("POST")
            head.setTarget("/")
            head.setAuthority("localhost")
            head.framing = index == 0 ? .none : .chunked
            let stream = Recorder(role)
            streams.append(stream)
            guard session.submitRequest(head, on: stream, endStream: index == 0) else { return false }
            if index == 1 { stream.finish() }
        }
        produce()
        return true
    }

    func feed(_ bytes: [UInt8], _ ends: [Int]) {
        var start = 0
        for end in ends where !failed {
            do throws(HTTP2SessionError) {
                try session?.receive(bytes.span.extracting(start..<end))
            } catch {
                failed = true
            }
            start = end
        }
        // A failed session is closed without a word.
        if !failed { produce() }
    }

    /// In several calls, as a transport that takes little at a time would have it.
    private func produce() {
        guard let session else { return }
        while session.produce(into: &output, limit: output.count + 5_000) {}
        guard session.sendWindow.available >= 0 else { fatalError("more was sent than the connection's window allows") }
        guard session.isFinished || !session.hasOutput else { fatalError("output was forgotten") }
    }

    /// What was said is HTTP/2: frames that are whole and none too large, nothing of a message behind its end or its
    /// reset, nothing at all behind the GOAWAY of an error.
    private func checkOutput() {
        var offset = role == .client ? 24 : 0
        var over = Set<UInt32>()
        var isOver = false
        while offset < output.count {
            guard offset + 9 <= output.count, !isOver else { fatalError("frames do not end where they should") }
            let header = FrameHeader(output.span, at: offset)
            guard header.length <= 16_384, offset + 9 + header.length <= output.count else {
                fatalError("a frame is cut")
            }
            let code = header.type == 7 ? output.span.bigEndian32(at: offset + 13) : 0
            isOver = code != 0
            if header.type <= 1 && over.contains(header.stream) {
                fatalError("stream \(header.stream) goes on after its end")
            }
            if header.type == 3 || header.type <= 1 && header.has(FrameHeader.endStream) { over.insert(header.stream) }
            offset += 9 + header.length
        }
    }

    /// - Returns: what each stream saw that had a head. How much of a body was handed on before a fault may depend on the
    ///   pieces, and so may what is said on a connection that is over: also whether a stream is begun, and closed at once,
    ///   whose head comes in the same bytes as the fault.
    func close() -> [[String]] {
        checkOutput()
        let count = session?.streamCount ?? 0
        session?.terminate()
        guard session?.streamCount == 0 || count == 0 else { fatalError("a stream outlives its session") }
        session = nil
        for stream in streams {
            precondition(stream.closeCount == 1 || stream.id == 0, "a stream is closed \(stream.closeCount) times")
        }
        return streams.map(\.events).filter { $0.contains("head") }
    }
}

private final class Recorder: HTTP2Stream {
    private let role: HTTP2Session.Role
    private(set) var events: [String] = []
    private(set) var closeCount = 0

    init(_ role: HTTP2Session.Role) { self.role = role }

    override func headReceived(endStream: Bool) {
        events.append("head")
        if role == .server {
            precondition(isHeadTooLarge || isHeadMalformed || !request.methodString.isEmpty, "a request without method")
            precondition(isHeadTooLarge || fields(request.headers).count <= 32, "more fields than allowed")
        }
        if endStream { endReceived() }
    }

    override func bodyReceived(_ piece: Span<UInt8>) {
        consumed(piece.count)
    }

    override func endReceived() {
        events.append("end")
        guard role == .server else { return }
        var head = ResponseHead()
        head.status = 200
        head.headers.append("x-answer", "yes")
        session?.submitResponse(head, on: self, endStream: false)
        write([1, 2].span)
        // Some large, so that windows shut.
        if id % 3 == 0 { write([UInt8](repeating: 3, count: 70_000).span) }
        finish()
    }

    override func closed(errorCode: UInt32) {
        closeCount += 1
        events.append("closed \(errorCode)")
    }
}
