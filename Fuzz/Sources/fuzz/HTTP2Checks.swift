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
        session = try? HTTP2Session(role: role, settings: settings, delegate: self)
        guard let session else { return false }
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

    private func produce() {
        guard let session else { return }
        if (try? session.produce(into: &output, limit: 1 << 20)) == nil { failed = true }
        _ = session.isFinished
    }

    /// - Returns: what each stream saw that had a head. How much of a body was handed on before a fault may depend on the
    ///   pieces, and so may what is said on a connection that is over: also whether a stream is begun, and closed at once,
    ///   whose head comes in the same bytes as the fault.
    func close() -> [[String]] {
        session?.terminate()
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
        head.framing = .length(2)
        head.headers.append("content-length", 2)
        session?.submitResponse(head, on: self, endStream: false)
        write([1, 2].span)
        finish()
    }

    override func closed(errorCode: UInt32) {
        closeCount += 1
        events.append("closed \(errorCode)")
    }
}
