import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ServiceLifecycle
import ServiceTestSupport
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(2))) struct RemoteKeySetTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let clock = TestClock()

    private func verifier(port: Int) -> TokenVerifier {
        TokenVerifier(
            keySetURI: "http://127.0.0.1:\(port)/keys", requirements: TokenRequirements(), logger: logger,
            now: { clock.now })
    }

    private func refusal(_ token: String, by verifier: TokenVerifier) async -> TokenRefusal? {
        do throws(TokenRefusal) {
            _ = try await verifier.verify(token)
            return nil
        } catch {
            return error
        }
    }

    @Test func `fetches the keys once and verifies with them`() async throws {
        let issuer = try await TokenIssuer()
        try await withKeyServer(TokenIssuer.keySet([issuer])) { server, port in
            let verifier = verifier(port: port)
            #expect(!verifier.isReady)
            for _ in 0..<3 {
                let token = try await issuer.token(scopes: "a")
                #expect(await refusal(token, by: verifier) == nil)
            }
            #expect(verifier.isReady && server.requests == 1)
        }
    }

    @Test func `fetches again for an unknown key, but not for everybody who makes one up`() async throws {
        let (old, new) = (try await TokenIssuer(), try await TokenIssuer())
        try await withKeyServer(TokenIssuer.keySet([old])) { server, port in
            let verifier = verifier(port: port)
            let (oldToken, newToken) = (try await old.token(scopes: ""), try await new.token(scopes: ""))
            #expect(await refusal(oldToken, by: verifier) == nil)
            server.script { $0.body = TokenIssuer.keySet([old, new]) }
            #expect(await refusal(newToken, by: verifier) == nil, "however fresh the set is")
            #expect(await refusal(oldToken, by: verifier) == nil)
            #expect(server.requests == 2)
            for _ in 0..<5 {
                let invented = try await TokenIssuer().token(scopes: "")
                #expect(await refusal(invented, by: verifier) == .unknownKey)
            }
            #expect(server.requests == 2)
            clock.advance(by: 6)
            let invented = try await TokenIssuer().token(scopes: "")
            #expect(await refusal(invented, by: verifier) == .unknownKey && server.requests == 3)
        }
    }

    @Test func `a key that is gone from the set does not live on in memory`() async throws {
        let (old, new) = (try await TokenIssuer(), try await TokenIssuer())
        try await withKeyServer(TokenIssuer.keySet([old])) { server, port in
            let verifier = verifier(port: port)
            let token = try await old.token(scopes: "")
            #expect(await refusal(token, by: verifier) == nil)
            server.script { $0.body = TokenIssuer.keySet([new]) }
            await verifier.keySet?.refresh()
            #expect(await refusal(token, by: verifier) == .unknownKey)
        }
    }

    @Test(arguments: ["down", "not a key set", "{\"keys\":[]}", "moved", "endless"])
    func `the last keys stay while the issuer is not itself`(trouble: String) async throws {
        let issuer = try await TokenIssuer()
        try await withKeyServer(TokenIssuer.keySet([issuer])) { server, port in
            let verifier = verifier(port: port)
            let token = try await issuer.token(scopes: "")
            #expect(await refusal(token, by: verifier) == nil)
            server.script { script in
                switch trouble {
                case "down": script.status = .internalServerError
                case "moved": script.status = .found
                case "endless": script.body = String(repeating: " ", count: KeySetClient.answerLimitBytes + 1)
                default: script.body = trouble
                }
            }
            await verifier.keySet?.refresh()
            #expect(verifier.keySet?.figures.failures == 1)
            #expect(await refusal(token, by: verifier) == nil && verifier.isReady)
        }
    }

    @Test func `without the first keys nothing is accepted, and no token is blamed`() async throws {
        let issuer = try await TokenIssuer()
        let token = try await issuer.token(scopes: "")
        try await withKeyServer(TokenIssuer.keySet([issuer])) { server, port in
            server.script { $0.status = .serviceUnavailable }
            let verifier = verifier(port: port)
            for _ in 0..<3 { #expect(await refusal(token, by: verifier) == .keysUnavailable) }
            #expect(!verifier.isReady && server.requests == 1)
            server.script { $0.status = .ok }
            clock.advance(by: 1)
            #expect(await refusal(token, by: verifier) == nil && verifier.isReady)
        }
        let nobody = TokenVerifier(
            keySetURI: "http://127.0.0.1:1/keys", requirements: TokenRequirements(), logger: logger)
        #expect(await refusal(token, by: nobody) == .keysUnavailable)
    }

    @Test func `requests that lack their key wait for one fetch`() async throws {
        let issuer = try await TokenIssuer()
        let keys = TokenIssuer.keySet([issuer])
        let fetches = Mutex(0)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let keySet = RemoteKeySet(uri: "test", logger: logger, now: { 0 }) {
            fetches.withLock { $0 += 1 }
            for await _ in gate {}
            return KeySetClient.Answer(body: Array(keys.utf8), maxAge: nil)
        }
        try await withThrowingTaskGroup { group in
            defer { opener.finish() }
            for _ in 0..<50 { group.addTask { await keySet.current(now: 0)?.keys.keys.count } }
            try await eventually("a fetch begins", within: .seconds(60)) { fetches.withLock(\.self) > 0 }
            opener.finish()
            for try await count in group { #expect(count == 1) }
        }
        #expect(fetches.withLock(\.self) == 1)
    }

    @Test func `a fetch that is cancelled is no failure`() async throws {
        let issuer = try await TokenIssuer()
        let keys = TokenIssuer.keySet([issuer])
        let fetches = Mutex(0)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        defer { opener.finish() }
        let keySet = RemoteKeySet(uri: "test", logger: logger, now: { 0 }) {
            fetches.withLock { $0 += 1 }
            for await _ in gate {}
            try Task.checkCancellation()
            return KeySetClient.Answer(body: Array(keys.utf8), maxAge: nil)
        }
        let refreshing = Task { await keySet.refresh() }
        try await eventually("a fetch begins", within: .seconds(60)) { fetches.withLock(\.self) == 1 }
        refreshing.cancel()
        await refreshing.value
        #expect(keySet.figures == RemoteKeySet.Figures() && keySet.secondsUntilFetch == 0)
        opener.finish()
        await keySet.refresh()
        #expect(keySet.figures == RemoteKeySet.Figures(fetches: 1, failures: 0, loadedAt: 0) && keySet.isLoaded)
    }

    @Test(arguments: [KeyServer.Silence.beforeHead, .withinBody])
    fileprivate func `a cancelled exchange says that it was cancelled`(silence: KeyServer.Silence) async throws {
        try await withKeyServer("{") { server, port in
            server.script { $0.silence = silence }
            let client = KeySetClient(uri: "http://127.0.0.1:\(port)/keys")
            let exchange = Task { try await client.exchange() }
            try await eventually("it is asked", within: .seconds(30)) { server.requests == 1 }
            exchange.cancel()
            await #expect(throws: CancellationError.self) { try await exchange.value }
        }
    }

    @Test func `is there by itself when the issuer starts late`() async throws {
        let issuer = try await TokenIssuer()
        try await withKeyServer(TokenIssuer.keySet([issuer])) { server, port in
            server.script { $0.status = .serviceUnavailable }
            let verifier = TokenVerifier(
                keySetURI: "http://127.0.0.1:\(port)/keys", requirements: TokenRequirements(), logger: logger)
            try await withThrowingTaskGroup { group in
                defer { group.cancelAll() }
                for service in verifier.backgroundServices {
                    // Ends by being cancelled.
                    group.addTask { try? await service.run() }
                }
                try await eventually("it is asked again", within: .seconds(60)) { server.requests >= 2 }
                #expect(!verifier.isReady)
                server.script { $0.status = .ok }
                try await eventually("it is ready", within: .seconds(60)) { verifier.isReady }
            }
        }
    }

    @Test func `a service without keys says so to callers and to probes`() async throws {
        let keys = TokenKeys()
        let verifier = TokenVerifier(keys: keys, requirements: TokenRequirements())
        let issuer = try await TokenIssuer()
        let token = try await issuer.token(scopes: "a")
        let endpoint = Endpoint(.get, "/a", "a", "A", access: .scope("a"), answers: [.noContent]) { _ in
            Reply(.noContent)
        }
        let router = EndpointRouter(
            endpoints: [endpoint], verifier: verifier, readiness: Readiness(.ready), metrics: .init(), logger: logger)
        try await Application(responder: router.responder(), logger: logger).test(.router) { client in
            let headers: HTTPFields = [.authorization: "Bearer \(token)"]
            let early = try await client.execute(uri: "/a", method: .get, headers: headers)
            #expect(early.status == .serviceUnavailable && early.headers[.retryAfter] == "1" && !verifier.isReady)
            try await keys.replace(json: Array(TokenIssuer.keySet([issuer]).utf8))
            let then = try await client.execute(uri: "/a", method: .get, headers: headers)
            #expect(then.status == .noContent && verifier.isReady)
        }
    }

    @Test func `a service's own keys are followed at once, and never replaced by nonsense`() async throws {
        let (old, new) = (try await TokenIssuer(), try await TokenIssuer())
        let keys = TokenKeys()
        let verifier = TokenVerifier(keys: keys, requirements: TokenRequirements())
        let (oldToken, newToken) = (try await old.token(scopes: ""), try await new.token(scopes: ""))
        #expect(await refusal(oldToken, by: verifier) == .keysUnavailable)
        try await keys.replace(json: Array(TokenIssuer.keySet([old]).utf8))
        #expect(await refusal(oldToken, by: verifier) == nil)
        #expect(await refusal(newToken, by: verifier) == .unknownKey)
        await #expect(throws: KeySetError.notAKeySet) { try await keys.replace(json: Array("nonsense".utf8)) }
        #expect(await refusal(oldToken, by: verifier) == nil)
        try await keys.replace(json: Array(TokenIssuer.keySet([new]).utf8))
        #expect(await refusal(newToken, by: verifier) == nil)
        #expect(await refusal(oldToken, by: verifier) == .unknownKey)
    }

    @Test func `the settings name one source`() async throws {
        func verifier(_ environment: [String: String]) async throws -> TokenVerifier? {
            let settings = try ServiceSettings<NotesService>(environment: environment)
            return try await TokenVerifier(settings.platform, logger: logger)
        }
        #expect(try await verifier([:]) == nil)
        #expect(try await verifier(["TOKEN_KEY_SET_URI": "http://127.0.0.1:1/keys"])?.keySet != nil)
        let both = ["TOKEN_KEY_SET_URI": "http://127.0.0.1:1/keys", "TOKEN_KEY_SET_FILE": "/keys"]
        await #expect(throws: SettingsError.self) { try await verifier(both) }
        await #expect(throws: SettingsError.self) { try await verifier(["TOKEN_KEY_SET_FILE": "/nowhere/keys"]) }
    }
}

struct RemoteKeySetScheduleTests {
    @Test(arguments: [
        (nil, 240.0), (100.0, 80.0), (0.0, 8.0), (1e9, 2_880.0),
    ])
    func `fetches again before the keys' time is over`(maxAge: Double?, expected: Double) {
        var schedule = RemoteKeySetSchedule()
        #expect(schedule.nextFetch == 0)
        schedule.succeeded(now: 1_000, maxAge: maxAge)
        #expect(schedule.nextFetch == 1_000 + expected)
    }

    @Test func `tries again after longer and longer pauses`() {
        var schedule = RemoteKeySetSchedule()
        var pauses: [Double] = []
        for _ in 0..<7 {
            schedule.failed(now: 1_000)
            pauses.append(schedule.nextFetch - 1_000)
        }
        #expect(pauses == [0.5, 1, 2, 4, 8, 10, 10])
        schedule.succeeded(now: 1_000, maxAge: 50)
        schedule.failed(now: 1_040)
        #expect(schedule.nextFetch == 1_040.5)
    }

    @Test func `requests without their key have it fetched now and then`() {
        var schedule = RemoteKeySetSchedule()
        func takes(_ now: Double, isLoaded: Bool) -> Bool { schedule.takesFetch(now: now, isLoaded: isLoaded) }
        #expect(takes(1_000, isLoaded: false))
        schedule.started(now: 1_000)
        #expect(!takes(1_000.4, isLoaded: false) && takes(1_000.5, isLoaded: false))
        #expect(takes(1_001, isLoaded: true), "a fetch in its own time does not count")
        #expect(!takes(1_005.9, isLoaded: true) && takes(1_006, isLoaded: true) && !takes(1_006.1, isLoaded: true))
    }

    @Test(
        arguments: [
            (["max-age=300"], 300.0), (["public", "Max-Age=60"], 60), (["max-age=\"60\""], nil), ([], nil),
            (["no-store"], nil), (["max-age=-1"], nil), (["max-age"], nil), (["s-maxage=5", "max-age = 7"], 7),
        ] as [([String], Double?)])
    func `reads max-age`(directives: [String], expected: Double?) {
        #expect(KeySetClient.maxAge(directives) == expected)
    }
}

/// An issuer's key set over HTTP, as a test wants it to be.
private final class KeyServer: Sendable {
    struct Script {
        var status = HTTPResponse.Status.ok
        var body: String
        /// Where it stops until the test is over; for one request.
        var silence: Silence?
    }

    enum Silence { case beforeHead, withinBody }

    private let state: Mutex<(script: Script, requests: Int)>
    private let silence = AsyncStream.makeStream(of: Void.self)

    init(_ body: String) { state = Mutex((Script(body: body), 0)) }

    var requests: Int { state.withLock(\.requests) }

    func script(_ change: (inout Script) -> Void) { state.withLock { change(&$0.script) } }

    func endSilence() { silence.continuation.finish() }

    private func untilTheEnd() async {
        for await _ in silence.stream {}
    }

    func answer() async -> Response {
        let script = state.withLock { state in
            state.requests += 1
            return state.script
        }
        let body = ByteBuffer(string: script.body)
        switch script.silence {
        case .beforeHead: await untilTheEnd()
        case .withinBody:
            return Response(
                status: script.status,
                body: ResponseBody { writer in
                    try await writer.write(body)
                    await self.untilTheEnd()
                    try await writer.finish(nil)
                })
        case nil: break
        }
        return Response(
            status: script.status, headers: [.location: "/elsewhere"], body: .init(byteBuffer: body))
    }
}

private func withKeyServer(_ body: String, _ test: @escaping @Sendable (KeyServer, Int) async throws -> Void)
    async throws
{
    let server = KeyServer(body)
    let router = Router()
    router.get("/keys") { _, _ in await server.answer() }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await Application(router: router, logger: logger).test(.live) { client in
        defer { server.endSilence() }
        try await test(server, try #require(client.port))
    }
}
