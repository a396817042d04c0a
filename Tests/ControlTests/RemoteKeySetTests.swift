import AsyncHTTPClient
import Foundation
import GatewayTestSupport
import Policy
import Routing
import Synchronization
import Testing

@testable import Control

/// An issuer of a test's making: its keys, its clock, and how it fails.
private final class Issuer: Sendable {
    struct State {
        var json = ""
        var maxAge: Int64? = 100
        var isDown = false
        var fetches = 0
        var now = TokenFactory.now
        /// While set, answers wait.
        var isSlow = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    let state = Mutex(State())

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    var fetches: Int { state.withLock { $0.fetches } }

    func answer() async throws -> RemoteKeySet.Answer {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                state.fetches += 1
                if state.isSlow { state.held.append(continuation) }
                return state.isSlow
            }
            if !isHeld { continuation.resume() }
        }
        return try state.withLock { state in
            if state.isDown { throw KeySetError("is down") }
            return RemoteKeySet.Answer(body: Array(state.json.utf8), maxAge: state.maxAge)
        }
    }

    func release() {
        let held = state.withLock { state in
            state.isSlow = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}

@Suite(.timeLimit(.minutes(2))) struct RemoteKeySetTests {
    private static let settings = TokenProvider.RemoteKeySet(uri: "https://issuer.example/keys", staleSeconds: 3_600)
    private let issuer = Issuer()
    private let factory: TokenFactory

    init() throws {
        factory = try TokenFactory()
        let json = try factory.keySetJSON
        issuer.update { $0.json = json }
    }

    private func set(changed: @escaping @Sendable (Bool) -> Void = { _ in }) -> RemoteKeySet {
        RemoteKeySet(
            Self.settings, keeping: nil, fetch: { [issuer] _ in try await issuer.answer() },
            secondsSince1970: { [issuer] in issuer.state.withLock { $0.now } }, changed: changed)
    }

    private func provider(_ set: RemoteKeySet) -> TokenVerifier.Provider {
        TokenVerifier.Provider(
            settings: TokenProvider(
                name: "default/test", issuer: "https://issuer.example", audiences: ["gatehouse"],
                keySet: .remote(Self.settings)), remote: set)
    }

    private func check(_ set: RemoteKeySet, at seconds: Int64 = 0) throws -> Result<VerifiedToken, TokenRefusal> {
        let claims = TokenFactory.claims(["exp": TokenFactory.now + 100_000])
        return provider(set).verify(try factory.token(claims: claims), nowSeconds: TokenFactory.now + seconds)
    }

    @Test func `without keys nothing is decided, and with the first ones everything`() async throws {
        let set = set()
        #expect(try check(set) == .failure(.keysNotLoaded))
        issuer.update { $0.isDown = true }
        await set.fetchOnce()
        #expect(try check(set) == .failure(.keysNotLoaded))
        #expect(set.figures.lastFailure == "is down" && set.figures.loadedAt == nil)
        issuer.update { $0.isDown = false }
        await set.fetchOnce()
        #expect(throws: Never.self) { try check(set).get() }
        #expect(set.figures.lastFailure == nil && set.figures.fetches == 2 && set.figures.failures == 1)
    }

    @Test(arguments: [
        "", "<html>", "{\"keys\": []}", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AA\", \"kid\": \"a\"}]}",
    ])
    func `what is no key set changes nothing`(answer: String) async throws {
        let set = set()
        await set.fetchOnce()
        issuer.update { $0.json = answer }
        await set.fetchOnce()
        #expect(throws: Never.self) { try check(set).get() }
        #expect(set.figures.failures == 1)
    }

    @Test func `an issuer that is down for hours stops nobody, and one that is down for longer does`() async throws {
        let set = set()
        await set.fetchOnce()
        issuer.update { $0.isDown = true }
        for second in [100, 1_000, 3_699] as [Int64] {
            issuer.update { $0.now = TokenFactory.now + second }
            await set.fetchOnce()
            #expect(throws: Never.self) { try check(set, at: second).get() }
        }
        issuer.update { $0.now = TokenFactory.now + 3_700 }
        #expect(try check(set, at: 3_700) == .failure(.keysNotLoaded))
        issuer.update { $0.isDown = false }
        await set.fetchOnce()
        #expect(throws: Never.self) { try check(set, at: 3_700).get() }
    }

    @Test func `only keys that changed make tokens be verified anew`() async throws {
        let changes = Mutex<[Bool]>([])
        let set = set { isChanged in changes.withLock { $0.append(isChanged) } }
        await set.fetchOnce()
        await set.fetchOnce()
        let other = try TokenFactory().keySetJSON
        issuer.update { $0.json = other }
        await set.fetchOnce()
        #expect(changes.withLock { $0 } == [false, false, true])
        #expect(try check(set) == .failure(.badSignature))
    }

    /// The queue, the set and its task as the process runs them.
    private func serving(
        _ set: RemoteKeySet, _ body: (TokenVerifier, VerificationQueue) async throws -> Void
    ) async throws {
        let queue = VerificationQueue(consumers: 2) { [issuer] in issuer.state.withLock { $0.now } }
        try await withThrowingTaskGroup { group in
            group.addTask { await queue.run() }
            group.addTask { await set.run() }
            try await body(TokenVerifier(providers: [provider(set)], queue: queue), queue)
            set.stop()
            group.cancelAll()
        }
    }

    private func verify(_ token: [UInt8], _ verifier: TokenVerifier) async -> Result<VerifiedToken, TokenRefusal> {
        await withCheckedContinuation { continuation in
            let isQueued = verifier.verify(token, provider: 0) { continuation.resume(returning: $0) }
            if !isQueued { continuation.resume(returning: .failure(.overloaded)) }
        }
    }

    @Test func `tokens of a new key wait for the keys that are fetched once for all of them`() async throws {
        let set = set()
        await set.fetchOnce()
        let next = try TokenFactory()
        let json = try next.keySetJSON.replacing("\"ec\"", with: "\"ec-2\"")
        let token = try next.token(header: ["alg": "ES256", "kid": "ec-2"])
        issuer.update { state in
            state.json = json
            state.isSlow = true
        }
        try await serving(set) { verifier, _ in
            let results = await withTaskGroup { group in
                for _ in 0..<20 { group.addTask { await verify(token, verifier) } }
                group.addTask { [issuer] in
                    // The first of them makes it fetch; whoever comes meanwhile waits too.
                    while issuer.fetches < 2 { await Task.yield() }
                    issuer.release()
                    return .failure(.overloaded)
                }
                return await group.reduce(into: [Result<VerifiedToken, TokenRefusal>]()) { $0.append($1) }
            }
            #expect(results.count { if case .success = $0 { true } else { false } } == 20)
            #expect(issuer.fetches == 2)
        }
    }

    /// Between the look that missed a key and the question for it a fetch may end.
    @Test func `a key that has come meanwhile is looked for again at once`() async throws {
        let set = set()
        await set.fetchOnce()
        let calls = Mutex(0)
        #expect(set.isMissing("ec") { calls.withLock { $0 += 1 } })
        #expect(calls.withLock { $0 } == 1)
        #expect(issuer.fetches == 1)
    }

    @Test func `a flood of invented keys fetches once`() async throws {
        let set = set()
        await set.fetchOnce()
        try await serving(set) { verifier, _ in
            for number in 0..<200 {
                let token = try factory.token(header: ["alg": "ES256", "kid": "invented-\(number)"])
                #expect(await verify(token, verifier) == .failure(.unknownKey))
            }
            #expect(issuer.fetches == 2)
        }
    }

    @Test func `sets that a reload names again are kept, and others end`() async throws {
        let sets = RemoteKeySets(
            fetch: { [issuer] _ in try await issuer.answer() }, secondsSince1970: { TokenFactory.now })
        let first = sets.set(of: Self.settings)
        #expect(sets.missing == ["keys of https://issuer.example/keys"])
        await first.fetchOnce()
        #expect(sets.missing.isEmpty)
        #expect(sets.set(of: Self.settings) === first)
        // Another patience, the same place: its keys are known at once.
        var other = Self.settings
        other.staleSeconds = 60
        let second = sets.set(of: other)
        #expect(second !== first && second.keys != nil)
        sets.retain(only: [other])
        #expect(sets.figures.count == 1)
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct KeySetClientTests {
    private func fetch(
        _ path: String = "/keys", timeout: Int = 30_000, _ answer: @escaping @Sendable (String) -> String?
    ) async throws -> RemoteKeySet.Answer {
        let server = try ScriptedServer { answer($0.requestLine) }
        defer { server.stop() }
        return try await KeySetClient { _ in nil }.fetch(
            TokenProvider.RemoteKeySet(uri: "http://127.0.0.1:\(server.port)\(path)", timeoutMilliseconds: timeout))
    }

    @Test func `an answer is read with its age`() async throws {
        let answer = try await fetch {
            $0 == "GET /keys" ? ScriptedServer.ok("{}", fields: ["cache-control: public, max-age=300"]) : nil
        }
        #expect(answer.body == Array("{}".utf8) && answer.maxAge == 300)
    }

    @Test func `no redirect is followed`() async throws {
        let error = await #expect(throws: KeySetError.self) {
            try await fetch { line in
                line == "GET /keys"
                    ? "HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n" : ScriptedServer.ok("{}")
            }
        }
        #expect(error?.description == "was answered with status 302")
    }

    @Test func `an answer without end is not read to its end`() async throws {
        let error = await #expect(throws: KeySetError.self) {
            try await fetch { _ in ScriptedServer.ok(String(repeating: " ", count: KeySetClient.sizeLimitBytes + 1)) }
        }
        #expect(error?.description == "is larger than 256 KiB")
    }

    @Test func `an issuer that does not answer is given up`() async throws {
        await #expect(throws: (any Error).self) { try await fetch { _ in nil } }
        let silent = try BlockingListener()
        await #expect(throws: (any Error).self) {
            try await KeySetClient { _ in nil }.fetch(
                TokenProvider.RemoteKeySet(uri: "http://127.0.0.1:\(silent.port)/", timeoutMilliseconds: 200))
        }
        silent.close()
    }

    @Test func `an issuer that begins an answer and stalls is given up`() async throws {
        let listener = try BlockingListener()
        let stalling = Thread {
            guard let client = listener.accept() else { return }
            try? client.send(Array("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".utf8))
            // Open until the client gives up.
            while let bytes = try? client.receive(), !bytes.isEmpty {}
            client.close()
        }
        stalling.start()
        let error = await #expect(throws: (any Error).self) {
            try await KeySetClient { _ in nil }.fetch(
                TokenProvider.RemoteKeySet(uri: "http://127.0.0.1:\(listener.port)/", timeoutMilliseconds: 500))
        }
        listener.close()
        // Not what it would be told when the issuer itself gives up; on a busy machine the head may be late, too.
        #expect(error is KeySetError || error as? HTTPClientError == .deadlineExceeded)
    }

    @Test(
        arguments: [
            (["max-age=60"], 60), (["public", "max-age=5"], 5), (["no-store"], 0), (["No-Cache"], 0), ([], nil),
            (["max-age=x"], nil),
        ] as [([Substring], Int64?)])
    func `the age is what cache-control says`(directives: [Substring], age: Int64?) {
        #expect(KeySetClient.maxAge(directives) == age)
    }
}
