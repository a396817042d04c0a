import GatewayTestSupport
import Testing

@testable import Wire

/// RFC 9113 §5.1: which frames a server takes in which state of a stream.
@Suite struct HTTP2FrameStateTests {
    enum State: String, CaseIterable {
        case idle, open, halfClosedRemote, halfClosedLocal, closed, resetByClient, resetByServer, resetUnsent, refused
    }

    enum Sent: String, CaseIterable {
        case data, trailers, headersAgain, priority, reset, windowUpdate, zeroUpdate, continuation, pushPromise, unknown

        var frame: RawFrame {
            switch self {
            case .data: .data(1, "x", end: false)
            case .trailers: .headers(1, plainHPACK([("x-sum", "1")]))
            case .headersAgain: .headers(1, plainHPACK([("x-sum", "1")]), end: false)
            case .priority: .priority(1)
            case .reset: .reset(1)
            case .windowUpdate: .windowUpdate(1, 10)
            case .zeroUpdate: .windowUpdate(1, 0)
            case .continuation: .continuation(1, [])
            case .pushPromise: RawFrame(.pushPromise, flags: 4, stream: 1, RawFrame.big(2))
            case .unknown: RawFrame(type: 0xEE, stream: 1, payload: [1, 2, 3])
            }
        }
    }

    enum Result: Equatable { case fine, stream(UInt32), connection(UInt32) }

    @Test(arguments: State.allCases, Sent.allCases)
    func `each frame in each state`(state: State, sent: Sent) throws {
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = state == .refused ? 0 : 10
        let server = try HTTP2Peer(role: .server, settings: settings)
        try server.receive(RawFrame.preface + RawFrame.settings([]).bytes)
        try bring(server, to: state)
        _ = state == .resetUnsent ? [] : try server.output()
        try server.receive(sent.frame.bytes)
        var result = Result.fine
        for frame in RawFrame.all(in: try server.output()) {
            if frame.kind == .reset, let code = frame.errorCode, result == .fine, !(state == .resetUnsent && code == 2)
            {
                result = .stream(code)
            }
            if frame.kind == .goAway, let code = frame.errorCode { result = .connection(code) }
        }
        #expect(result == expected(state, sent), "\(state) \(sent)")
        server.session.terminate()
        #expect(server.accepted.allSatisfy { $0.closeCount == 1 })
    }

    private func bring(_ server: HTTP2Peer, to state: State) throws {
        guard state != .idle else { return }
        let isEnded = [.halfClosedRemote, .closed].contains(state)
        let head = plainHPACK([(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "a")])
        try server.receive(RawFrame.headers(1, head, end: isEnded).bytes)
        switch state {
        case .halfClosedLocal, .closed: server.respond(204, on: server.accepted[0], body: nil)
        case .resetByClient: try server.receive(RawFrame.reset(1).bytes)
        case .resetByServer, .resetUnsent: server.accepted[0].reset(errorCode: 2)
        case .idle, .open, .halfClosedRemote, .refused: break
        }
    }

    private func expected(_ state: State, _ sent: Sent) -> Result {
        let protocolError: UInt32 = 1
        let streamClosed: UInt32 = 5
        switch sent {
        case .continuation, .pushPromise: return .connection(protocolError)
        case .priority, .unknown: return .fine
        case .data, .trailers, .headersAgain:
            switch state {
            // HEADERS would open it, and these do not.
            case .idle: return sent == .data ? .connection(protocolError) : .stream(protocolError)
            case .halfClosedRemote, .closed, .resetByClient: return .connection(streamClosed)
            // A second head that is no trailers (§8.1).
            case .open, .halfClosedLocal: return sent == .headersAgain ? .stream(protocolError) : .fine
            // What we ended, the client may not know of yet.
            case .resetByServer, .resetUnsent, .refused: return .fine
            }
        case .reset, .windowUpdate: return state == .idle ? .connection(protocolError) : .fine
        case .zeroUpdate:
            switch state {
            case .idle: return .connection(protocolError)
            case .open, .halfClosedRemote, .halfClosedLocal: return .stream(protocolError)
            case .closed, .resetByClient, .resetByServer, .resetUnsent, .refused: return .fine
            }
        }
    }
}
