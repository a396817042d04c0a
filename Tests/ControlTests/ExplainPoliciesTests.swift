import Crypto
import Dispatch
import Foundation
import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing

@testable import Control

/// What `gatehouse explain` says of addresses, API keys, tokens, claims and rate limits is what happens: generated rules and
/// requests over sockets, each also put to the explainer.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ExplainPoliciesTests {
    /// A token is good when it is "subject.scope.role"; "bad…" is refused, and "early…" cannot be checked yet.
    private struct Verifier: TokenVerifying {
        static func verify(_ token: String) -> Result<VerifiedToken, TokenRefusal> {
            if token.hasPrefix("bad") { return .failure(.badSignature) }
            if token.hasPrefix("early") { return .failure(.keysNotLoaded) }
            let parts = token.split(separator: ".").map(String.init)
            guard parts.count == 3 else { return .failure(.malformed) }
            return .success(
                VerifiedToken(
                    subject: parts[0], scopes: [parts[1]], expiresAtSeconds: .max, claims: ["role": [parts[2]]]))
        }

        func verify(
            _ token: [UInt8], provider: Int,
            completion: @escaping @Sendable (Result<VerifiedToken, TokenRefusal>) -> Void
        ) -> Bool {
            completion(Self.verify(String(decoding: token, as: UTF8.self)))
            return true
        }
    }

    private struct Generator {
        var random: SeededGenerator

        mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &random)] }
        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
        mutating func some<T>(_ values: [T], _ percent: Int) -> [T] { chance(percent) ? [pick(values)] : [] }

        static let blocks = ["127.0.0.1", "127.0.0.2/31", "127.0.0.0/29", "10.0.0.0/8", "::1"]
        static let roles = [["admin"], ["staff", "admin"], ["staff"]]
        static let parts: [RateLimit.KeyPart] = [
            .clientAddress, .subject, .consumer, .header("x-tenant"), .route, .rule,
        ]

        mutating func authentication() -> AuthenticationRule? {
            guard chance(85) else { return nil }
            let (hasTokens, hasKeys) = pick([(true, false), (false, true), (true, true)])
            if chance(25) {
                return AuthenticationRule(
                    provider: hasTokens ? 0 : nil, apiKeys: hasKeys ? 0 : nil, anonymousAllowed: true)
            }
            return AuthenticationRule(
                provider: hasTokens ? 0 : nil, apiKeys: hasKeys ? 0 : nil, requiredScopes: some(["read", "write"], 40),
                requiredClaims: some(Self.roles.map { ClaimCondition(name: "role", values: $0) }, 20))
        }

        mutating func access() -> AccessRule? {
            guard chance(60) else { return nil }
            return AccessRule(
                allowedAddresses: AddressSet(some(Self.blocks, 40)), deniedAddresses: AddressSet(some(Self.blocks, 30)),
                allowedClaims: some(Self.roles.map { ClaimCondition(name: "role", values: $0) }, 20),
                deniedClaims: some(Self.roles.map { ClaimCondition(name: "role", values: $0) }, 20))
        }

        /// A minute that does not pass: what was counted stays counted.
        mutating func limits() -> [RateLimit] {
            (0..<4).map { number in
                RateLimit(
                    name: "limit\(number)", requests: 1, periodMilliseconds: 86_400_000,
                    burst: Int.random(in: 1...6, using: &random), key: some(Self.parts, 70) + some(Self.parts, 40),
                    isShadow: chance(20))
            }
        }

        mutating func policies() -> RulePolicies {
            RulePolicies(
                access: access(), rateLimits: (0..<4).filter { _ in chance(35) },
                requestHeaderBytes: chance(30) ? 200 : nil)
        }

        mutating func fields() -> [String] {
            var fields: [String] = []
            if chance(60) {
                let tokens = [
                    "ann.read.admin", "bob.read.staff", "cat.write.guest", "bad.read.admin", "early.a.b", "none",
                ]
                fields.append("authorization: \(pick(["Bearer", "bearer", "BEARER"])) \(pick(tokens))")
                if chance(5) { fields.append("authorization: Bearer ann.read.admin") }
            } else if chance(20) {
                fields.append(
                    pick(["authorization: Basic YTpi", "authorization: Bearer", "authorization: Bearer a b"]))
            }
            if chance(40) { fields.append("x-api-key: \(pick(["acme", "shop", "nobody"]))") }
            if chance(5) { fields.append("x-api-key: acme") }
            if chance(50) { fields.append("X-Tenant: \(pick(["a", "b"]))") }
            if chance(20) { fields.append("x-long: \(String(repeating: "a", count: 200))") }
            return fields
        }

        mutating func target(_ rules: Int) -> String {
            let query = chance(10) ? "?a=1&api_key=\(pick(["acme", "nobody"]))" : ""
            return "/\(Int.random(in: 0..<rules, using: &random))\(query)"
        }
    }

    private static let keys = APIKeySet(
        name: "default/keys", queryParameter: "api_key",
        consumers: ["acme", "shop"].map { name in
            APIKeySet.Consumer(
                name: name, digest: Array(SHA256.hash(data: Data(name.utf8))), scopes: name == "acme" ? ["read"] : [])
        })

    private static func table(_ generator: inout Generator, upstream: UInt16) -> RouteTable {
        let backend = Backend(
            index: 0, name: "default/shop:80", wireProtocol: .http1,
            endpoints: [Endpoint(address: "127.0.0.1", port: upstream)])
        let rules = (0..<12).map { number in
            RouteRule(
                index: number, routeName: "default/route\(number % 3)", ruleName: "\(number)",
                backends: [WeightedBackend(backend: backend)], authentication: generator.authentication(),
                policies: generator.policies())
        }
        return RouteTable(
            listeners: [ListenerDescription(name: "http", port: 80, transport: .http)],
            tokenProviders: [
                TokenProvider(
                    name: "default/p", issuer: "i", audiences: ["a"], keySet: .file(path: "/"), claims: ["role"])
            ],
            apiKeySets: [Self.keys], rateLimits: generator.limits(), backends: [backend], rules: rules,
            entries: rules.indices.map {
                RouteEntry(listener: 0, hostname: .any, path: .prefix("/\($0)"), rule: $0)
            })
    }

    /// What the limits have let through: by limit and key.
    private struct Count {
        var used: [String: Int] = [:]

        /// The status that the limits make of a request that would be forwarded.
        mutating func status(_ report: ExplanationReport, _ table: RouteTable) -> Int? {
            let limits = (report.rateLimits ?? []).compactMap { said -> (limit: RateLimit, name: String)? in
                let limit = table.rateLimits.first { $0.description == said.limit }
                return limit.map { ($0, "\(said.limit) \(said.key)") }
            }
            for (limit, name) in limits where !limit.isShadow && used[name, default: 0] >= limit.burst { return 429 }
            for (limit, name) in limits where !limit.isShadow { used[name, default: 0] += 1 }
            return nil
        }
    }

    /// On a thread of its own: the connection blocks.
    private func ask(_ port: UInt16, from host: UInt8, _ text: String) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let socket = try BlockingSocket(connectingTo: port, from: host, deadlineSeconds: 60)
                        defer { socket.close() }
                        try socket.send(Array(text.utf8))
                        return try MessageReader(socket).response().status
                    })
            }
        }
    }

    /// The fixed seed makes a failure the same everywhere.
    @Test func `explain says what policies make of two thousand requests`() async throws {
        var generator = Generator(random: SeededGenerator(seed: 11))
        let shop = try ScriptedServer { _ in ScriptedServer.ok("sold") }
        defer { shop.stop() }
        var met: [Int: Int] = [:]
        for _ in 0..<20 {
            let table = Self.table(&generator, upstream: shop.port)
            let snapshot = try Snapshot(
                routes: table, listeners: [Listener(index: 0, name: "http", address: "127.0.0.1", port: 0, tls: nil)],
                limits: Limits(), verifier: Verifier())
            let log = try AccessLog(path: "off")
            let gateway = try Gateway(snapshot: snapshot, workers: 1, accessLog: log)
            try gateway.start()
            let port = try #require(gateway.ports["http"])
            let explainer = Explainer(table: table, boundPorts: [:]) { token, _ in Verifier.verify(token) }
            var count = Count()
            for _ in 0..<100 {
                let host = generator.pick([1, 2, 3, 9] as [UInt8])
                let asked = try ExplainedRequest(
                    "GET http://shop.example\(generator.target(12))", fields: generator.fields(),
                    clientAddress: "127.0.0.\(host)")
                let text = String(decoding: asked.head, as: UTF8.self)
                let served = try await ask(port, from: host, text)
                let report = try await explainer.explain(asked)
                // Limits are asked before the size of the head.
                let isLimited = report.rateLimits != nil ? count.status(report, table) : nil
                #expect(served == isLimited ?? report.status ?? 200, "from 127.0.0.\(host): \(text)\n\(report.text)")
                met[served, default: 0] += 1
            }
            await gateway.drain(deadlineSeconds: 10)
            log.close()
        }
        // The generator is of no use when it meets only one end.
        for status in [200, 401, 403, 429, 431, 503] { #expect(met[status, default: 0] >= 10, "\(status): \(met)") }
    }
}
