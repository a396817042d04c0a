import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A backend of our own behind the gateway: it remembers what reaches a service, and can hold answers back.
///
/// A path that ends in `/hold` is answered with the first half of ``heldAnswer``, and with the rest at ``release()``.
final class RecordingBackend: Sendable {
    struct Recorded: Sendable {
        let method: String
        let uri: String
        let headers: HTTPHeaders
    }

    static let heldAnswer = [UInt8](repeating: UInt8(ascii: "h"), count: 64 * 1024)

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    private struct State {
        var recorded: [Recorded] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let port: Int
    private let state = Mutex(State())
    private let server: NIOAsyncChannel<Connection, Never>

    private init(server: NIOAsyncChannel<Connection, Never>) throws {
        self.server = server
        guard let port = server.channel.localAddress?.port else { throw HarnessError("the recorder has no port") }
        self.port = port
    }

    static func bind() async throws -> RecordingBackend {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        return try RecordingBackend(server: server)
    }

    /// Serves until it is cancelled.
    func run() async {
        do {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections { group.addTask { await self.serve(connection) } }
                }
            }
        } catch {
            release()
        }
    }

    /// What was received with this request id.
    func recorded(requestID: String) -> [Recorded] {
        state.withLock { $0.recorded.filter { $0.headers["x-request-id"] == [requestID] } }
    }

    /// How many answers are held back now.
    var heldCount: Int { state.withLock { $0.waiting.count } }

    /// Lets all answers that are held back go.
    func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func serve(_ connection: Connection) async {
        // A connection that breaks is the other side's to notice: the gateway is what is being tested.
        try? await connection.executeThenClose { requests, answers in
            var head: HTTPRequestHead?
            for try await part in requests {
                switch part {
                case .head(let received): head = received
                case .body: break
                case .end:
                    guard let received = head.take() else { continue }
                    try await answer(received, through: answers)
                }
            }
        }
    }

    private func answer(
        _ request: HTTPRequestHead, through answers: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        state.withLock {
            $0.recorded.append(Recorded(method: "\(request.method)", uri: request.uri, headers: request.headers))
        }
        let isHeld = request.uri.split(separator: "?")[0].hasSuffix("/hold")
        let body = isHeld ? Self.heldAnswer : Array("recorded".utf8)
        let headers: HTTPHeaders = ["content-type": "text/plain", "content-length": "\(body.count)"]
        try await answers.write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
        let half = isHeld ? body.count / 2 : 0
        if isHeld {
            try await answers.write(.body(.byteBuffer(ByteBuffer(bytes: body[..<half]))))
            await withCheckedContinuation { continuation in state.withLock { $0.waiting.append(continuation) } }
        }
        try await answers.write(.body(.byteBuffer(ByteBuffer(bytes: body[half...]))))
        try await answers.write(.end(nil))
    }
}
