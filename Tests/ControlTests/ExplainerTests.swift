import Crypto
import Foundation
import Policy
import Routing
import Testing

@testable import Control

/// What `gatehouse explain` says.
@Suite struct ExplainerTests {
    private static let gateway = Repository.folder.appendingPathComponent("k8s/base/gateway").path

    private func explain(
        _ request: String, fields: [String] = [], token: String? = nil, _ configuration: Configuration? = nil
    ) async throws -> ExplanationReport {
        let configuration = configuration ?? Configuration(files: ConfigurationFiles(reading: [Self.gateway]))
        let explainer = try #require(await configuration.explainer().explainer)
        return try await explainer.explain(ExplainedRequest(request, fields: fields, token: token))
    }

    @Test func `a request is METHOD URL, or a URL`() throws {
        let plain = try ExplainedRequest("https://shop.example.com?a=1#top")
        #expect(plain.method == "GET" && plain.isTLS && plain.port == 443)
        #expect(plain.authority == "shop.example.com" && plain.target == "/?a=1")
        let full = try ExplainedRequest("PUT http://[::1]:8080/a", fields: ["x: 1"], token: "t")
        #expect(full.method == "PUT" && full.port == 8080 && full.authority == "[::1]:8080")
        #expect(
            full.head == Array("PUT /a HTTP/1.1\r\nhost: [::1]:8080\r\nx: 1\r\nauthorization: Bearer t\r\n\r\n".utf8))
        #expect(try ExplainedRequest("http://[::1]/").port == 80)
    }

    @Test(arguments: ["", "GET", "GET /a", "GET ftp://a/", "a b c", "https://", "GET https:///a"])
    func `other texts are refused with what to write`(text: String) {
        #expect(throws: ExplainError.self) { try ExplainedRequest(text) }
    }

    @Test(arguments: ["novalue", ": 1", "a: 1\r\nb: 2"])
    func `headers that are none are refused`(text: String) {
        #expect(throws: ExplainError.self) { try ExplainedRequest("https://a/", fields: [text]) }
    }

    @Test func `names listener, route, rule, policy and backend, and why the others lost`() async throws {
        let report = try await explain("GET https://localhost:8443/sales/sold_items")
        #expect(report.listener?.name == "https")
        #expect(report.route?.route == "default/sales" && report.route?.rule == "read")
        #expect(report.route?.requiredScopes == ["sales:read"])
        #expect(report.backends?.map(\.name) == ["default/sales:80"])
        #expect(report.status == 401)
        let reasons = report.others.map { "\($0.route) \($0.rule): \($0.reason)" }
        #expect(reasons.contains("default/sales write: holds too, but comes later"))
        #expect(reasons.contains("default/sales read: method: GET is not HEAD"))
        #expect(reasons.contains("default/warehouse write: path: /sales/sold_items is not below /warehouse"))
        #expect(reasons.contains("default/to-https 0: listener: only at http"))
    }

    @Test func `a request that no route serves is 404, and one that is not read 400`() async throws {
        #expect(try await explain("https://localhost:8443/nowhere").status == 404)
        let dots = try await explain("https://localhost:8443/sales/../warehouse")
        #expect(dots.status == 400 && dots.outcome.contains("dot segment"))
        #expect(try await explain("get https://localhost:8443/sales").status == 501)
    }

    @Test func `a redirect is its answer`() async throws {
        let report = try await explain("http://localhost:8080/sales")
        #expect(report.status == 308 && report.route?.route == "default/to-https")
    }

    @Test func `a port in front of the gateway's is taken for the only one that can be meant`() async throws {
        let report = try await explain("https://localhost/sales/orders")
        #expect(report.listener?.name == "https" && report.notes.count == 1)
        let wrong = await #expect(throws: ExplainError.self) { try await explain("https://localhost:8080/") }
        #expect(wrong?.description.contains("speaks another protocol") == true)
    }

    @Test func `a token is checked as it is for requests`() async throws {
        let factory = try TokenFactory()
        let keys = try await KeySet(json: Array(try factory.keySetJSON.utf8))
        let configuration = Configuration(files: ConfigurationFiles(reading: [Self.gateway]))
        let table = try #require(configuration.translate(missingReference: .warning).table)
        var settings = table.tokenProviders[0]
        settings.issuer = "https://issuer.example"
        let provider = TokenVerifier.Provider(settings: settings, keys: keys)
        let explainer = Explainer(table: table, boundPorts: [:]) { token, _ in
            provider.verify(Array(token.utf8), nowSeconds: TokenFactory.now)
        }
        func status(_ path: String, _ claims: [String: Any]) async throws -> Int? {
            let token = String(decoding: try factory.token(claims: TokenFactory.claims(claims)), as: UTF8.self)
            return try await explainer.explain(ExplainedRequest("https://localhost:8443\(path)", token: token)).status
        }
        #expect(try await status("/sales/orders", [:]) == nil, "forwarded")
        #expect(try await status("/accounting/transactions", [:]) == 403)
        #expect(try await status("/sales/orders", ["exp": TokenFactory.now - 100]) == 401)
    }

    @Test func `keys that are not there are said to be so`() async throws {
        let report = try await explain("https://localhost:8443/sales/orders", token: "a.b.c")
        // The algorithm is looked at before the key, so that a token that is none is still 401.
        #expect(report.status == 401 && report.token?.hasPrefix("refused") == true)
        let factory = try TokenFactory()
        let token = String(decoding: try factory.token(), as: UTF8.self)
        let good = try await explain("https://localhost:8443/sales/orders", token: token)
        #expect(good.status == 503 && good.token?.contains("keys are not loaded") == true)
    }

    /// A table of one rule at port 80.
    private static func explainer(
        _ authentication: AuthenticationRule?, _ policies: RulePolicies, keys: [APIKeySet] = [],
        limits: [RateLimit] = []
    ) -> Explainer {
        let backend = Backend(index: 0, name: "default/shop:80", wireProtocol: .http1, endpoints: [])
        let rule = RouteRule(
            index: 0, routeName: "default/shop", ruleName: "0", backends: [WeightedBackend(backend: backend)],
            authentication: authentication, policies: policies)
        let table = RouteTable(
            listeners: [ListenerDescription(name: "http", port: 80, transport: .http)],
            tokenProviders: [
                TokenProvider(name: "default/p", issuer: "i", audiences: ["a"], keySet: .file(path: "/"))
            ], apiKeySets: keys, rateLimits: limits, backends: [backend], rules: [rule],
            entries: [RouteEntry(listener: 0, hostname: .any, path: .prefix("/"), rule: 0)])
        return Explainer(table: table, boundPorts: [:]) { token, _ in
            token == "revoked"
                ? .failure(.revoked) : .success(VerifiedToken(subject: token, scopes: [], expiresAtSeconds: .max))
        }
    }

    @Test func `an address is admitted or not, and where none is said that is said`() async throws {
        let access = AccessRule(
            policy: "default/office", allowedAddresses: AddressSet(["10.0.0.0/8", "2001:db8::/32"]),
            deniedAddresses: AddressSet(["10.66.0.0/16"]))
        let explainer = Self.explainer(nil, RulePolicies(access: access))
        func report(_ address: String?) async throws -> ExplanationReport {
            try await explainer.explain(ExplainedRequest("http://a/", clientAddress: address))
        }
        for (address, status) in [("10.1.1.1", nil), ("2001:db8::1", nil), ("10.66.0.1", 403), ("192.0.2.1", 403)] {
            #expect(try await report(address).status == status, "\(address)")
        }
        #expect(try await report("192.0.2.1").outcome == "403: AccessPolicy default/office does not admit 192.0.2.1")
        let unsaid = try await report(nil)
        #expect(unsaid.status == nil && unsaid.notes.contains { $0.contains("--client-address") })
        for wrong in ["localhost", "10.0.0.0/8", ""] {
            #expect(throws: ExplainError.self) { try ExplainedRequest("http://a/", clientAddress: wrong) }
        }
    }

    @Test func `an API key is looked up as it is for requests`() async throws {
        let digest: [UInt8] = Array(SHA256.hash(data: Data("key-of-acme".utf8)))
        let keys = APIKeySet(
            name: "default/keys", queryParameter: "api_key",
            consumers: [.init(name: "acme", digest: digest, scopes: ["read"])])
        func status(
            _ fields: [String], path: String = "/", scopes: [String] = ["read"], provider: Int? = nil
        ) async throws -> Int? {
            let rule = AuthenticationRule(provider: provider, apiKeys: 0, requiredScopes: scopes)
            let explainer = Self.explainer(rule, RulePolicies(), keys: [keys])
            return try await explainer.explain(ExplainedRequest("http://a\(path)", fields: fields)).status
        }
        #expect(try await status(["X-API-Key: key-of-acme"]) == nil)
        #expect(try await status([], path: "/?api_key=key-of-acme") == nil)
        #expect(try await status(["x-api-key: key-of-acme"], scopes: ["write"]) == 403)
        #expect(try await status(["x-api-key: other"]) == 401)
        #expect(try await status(["x-api-key: key-of-acme", "x-api-key: key-of-acme"]) == 401)
        #expect(try await status([]) == 401)
        // Where both would do, a wrong key is refused even beside a good token.
        #expect(try await status(["authorization: Bearer t"], scopes: [], provider: 0) == nil)
        #expect(try await status(["authorization: Bearer t", "x-api-key: other"], scopes: [], provider: 0) == 401)
        #expect(try await status(["authorization: Bearer revoked"], scopes: [], provider: 0) == 401)
    }

    @Test func `rate limits are named, and with which requests they count this one`() async throws {
        let limits = [
            RateLimit(name: "client", requests: 10, key: [.clientAddress]),
            RateLimit(name: "tenant", requests: 10, key: [.header("x-tenant"), .subject, .rule]),
            RateLimit(name: "all", requests: 10, isShadow: true),
        ]
        let explainer = Self.explainer(
            AuthenticationRule(provider: 0), RulePolicies(rateLimits: [0, 1, 2]), limits: limits)
        let report = try await explainer.explain(
            ExplainedRequest("http://a/", fields: ["X-Tenant: acme"], token: "bob", clientAddress: "2001:db8::1"))
        #expect(
            report.rateLimits?.map(\.key) == [
                ["client address 2001:db8:0:0::/64"],
                ["header x-tenant \"acme\"", "subject \"bob\"", "rule default/shop 0"], [],
            ])
        #expect(report.text.contains("default/limits all: 10 in 1m (shadow)\n              counted with all requests"))
    }

    @Test func `the text has every part`() async throws {
        let text = try await explain("GET https://localhost:8443/sales/sold_items").text
        for part in ["listener    https", "route       default/sales, rule read", "Why not the others"] {
            #expect(text.contains(part), "\(text)")
        }
    }
}

/// The clone that the tests are of: the folder above the first one with a Package.swift, without following links.
enum Repository {
    static var folder: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .resolvingSymlinksInPath().deletingLastPathComponent()
    }
}
