import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Policy
import Proxy
import Routing
import Synchronization
import Testing

@testable import Control

@Suite struct AdminServerTests {
    private let status = ControlStatus()

    private func answer(
        _ path: String, method: HTTPRequest.Method = .get, headers: HTTPFields = [:], body: String = "",
        process: AdminProcess = AdminProcess()
    ) async throws -> (status: Int, headers: HTTPFields, body: String) {
        let router = AdminServer.router(status: status, process: process)
        return try await Application(router: router).test(.router) { client in
            let buffer = ByteBuffer(string: body)
            return try await client.execute(uri: path, method: method, headers: headers, body: buffer) { response in
                (response.status.code, response.headers, String(buffer: response.body))
            }
        }
    }

    private func useRedirect(route: String = "default/r") {
        let rule = RouteRule(index: 0, routeName: route, ruleName: "0", redirect: Redirect(scheme: "https"))
        let listener = ListenerDescription(name: "http", port: 80, transport: .http)
        let table = RouteTable(listeners: [listener], rules: [rule], entries: [RouteEntry(rule: 0)])
        let queue = VerificationQueue(consumers: 1) { 0 }
        status.update {
            $0.phase = .serving
            $0.table = table
            $0.verifier = TokenVerifier(providers: [], queue: queue)
        }
    }

    // MARK: - Health

    @Test func `is alive from the start and ready while it serves`() async throws {
        #expect(try await answer("/healthz").status == 200)
        let starting = try await answer("/readyz")
        #expect(starting.status == 503 && starting.body.contains("a configuration"))
        status.update { $0.phase = .serving }
        #expect(try await answer("/readyz").status == 200)
        status.update { $0.phase = .draining }
        let draining = try await answer("/readyz")
        #expect(draining.status == 503 && draining.body.contains("draining"))
        #expect(try await answer("/healthz").status == 200)
    }

    @Test func `the management address tells of health and metrics and of nothing else`() async throws {
        status.update { $0.phase = .serving }
        let router = AdminServer.managementRouter(status: status, process: AdminProcess())
        try await Application(router: router).test(.router) { client in
            for (path, method, expected) in [
                ("/healthz", HTTPRequest.Method.get, 200), ("/readyz", .get, 200), ("/metrics", .get, 200),
                ("/drain", .post, 404), ("/log-level", .put, 404), ("/config", .get, 404), ("/routes", .get, 404),
                ("/explain", .get, 404), ("/connections", .get, 404), ("/", .get, 404),
            ] {
                let code = try await client.execute(uri: path, method: method) { $0.status.code }
                #expect(code == expected, "\(method) \(path)")
            }
        }
    }

    @Test func `is not ready while keys are waited for, and names them`() async throws {
        status.update {
            $0.phase = .serving
            $0.waitingFor = ["keys of default/p"]
        }
        let waiting = try await answer("/readyz")
        #expect(waiting.status == 503 && waiting.body.contains("keys of default/p"))
    }

    @Test func `tells of a refused configuration and stays ready`() async throws {
        status.update {
            $0.phase = .serving
            $0.refusal = [Diagnostic(.error, at: Place(file: "a.yaml", line: 3), "is wrong")]
        }
        let ready = try await answer("/readyz")
        #expect(ready.status == 200 && ready.body.contains("a.yaml:3: error: is wrong"))
    }

    @Test func `tells what of the configuration in use is left out, and stays ready`() async throws {
        useRedirect()
        status.update {
            $0.problems = [Diagnostic(.error, at: Place(file: "a.yaml", line: 3), "is wrong")]
            var object = ObjectStatus(kind: "HTTPRoute", name: "default/r")
            object.conditions = [Condition("Accepted", .false, "UnsupportedValue", "is wrong")]
            $0.objects = [object]
        }
        let ready = try await answer("/readyz")
        #expect(ready.status == 200 && ready.body.contains("a.yaml:3: error: is wrong"))
        #expect(try await answer("/").body.contains("a.yaml:3: error: is wrong"))
        #expect(try await answer("/metrics").body.contains("gatehouse_configuration_problems 1"))
        #expect(try await answer("/status").body.contains("UnsupportedValue"))
    }

    // MARK: - Views

    @Test func `shows the routes in use`() async throws {
        #expect(try await answer("/routes").status == 503)
        useRedirect()
        let routes = try await answer("/routes")
        #expect(routes.status == 200 && routes.headers[.contentType] == "application/json")
        #expect(routes.body.contains(#""redirect" : "302 https://<host>""#))
    }

    @Test func `explains a request`() async throws {
        useRedirect()
        let report = try await answer("/explain?method=PUT&url=http://localhost/a%3Fb&header=x:%201")
        #expect(report.status == 200 && report.body.contains(#""request" : "PUT http://localhost/a?b""#))
        #expect(report.body.contains(#""status" : 302"#))
        let text = try await answer("/explain?url=http://localhost/a&format=text")
        #expect(text.body.contains("route       default/r, rule 0"))
        let wrong = try await answer("/explain?url=localhost")
        #expect(wrong.status == 400 && wrong.body.contains("does not begin with https://"))
        #expect(try await answer("/explain").status == 400)
    }

    @Test func `shows the documents in use without secrets`() async throws {
        let text = """
            apiVersion: v1
            kind: Secret
            metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: geheim}}
            type: Opaque
            data: {password: geheim}
            stringData: {token: geheim}
            ---
            apiVersion: v1
            kind: List
            items: [{apiVersion: v1, kind: Secret, metadata: {name: t}, data: {password: geheim}}]
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: a}
            spec: {ports: [{port: 80}]}
            """
        let documents = try YAMLDocuments.parse(text, file: "a.yaml")
        status.update { $0.documents = documents }
        let config = try await answer("/config").body
        #expect(!config.contains("geheim"))
        #expect(config.contains(#""password" : "redacted""#) && config.contains(#""port" : 80"#))
    }

    @Test func `shows endpoints and connections`() async throws {
        useRedirect()
        var figures = GatewayFigures()
        var endpoint = EndpointStatistics(backend: "default/a:80", endpoint: "127.0.0.1:1")
        endpoint.isHealthy = false
        figures.endpoints = [endpoint]
        figures.gateway.connectionsOpen = 3
        let known = figures
        let process = AdminProcess(
            figures: { known }, clients: { limit in (2, [ConnectionReport.Client(client: "192.0.2.1", open: limit)]) })
        #expect(try await answer("/endpoints", process: process).body.contains(#""state" : "unhealthy""#))
        let connections = try await answer("/connections", process: process).body
        #expect(connections.contains(#""open" : 3"#) && connections.contains("192.0.2.1"))
        #expect(try await answer("/live", process: process).body.contains(#""connectionsOpen" : 3"#))
    }

    @Test func `shows metrics`() async throws {
        let metrics = try await answer("/metrics")
        #expect(metrics.status == 200 && metrics.headers[.contentType] == GatewayMetrics.contentType)
        #expect(metrics.body.contains("gatehouse_requests_open 0"))
        #expect(try await answer("/nothing").status == 404)
    }

    @Test func `the page tells what is wrong and escapes what it shows`() async throws {
        useRedirect(route: "default/<script>")
        status.update { $0.refusal = [Diagnostic(.error, at: Place(file: "a.yaml", line: 3), "is \"<wrong>\"")] }
        let page = try await answer("/")
        #expect(page.status == 200 && page.body.contains("a.yaml:3: error: is &quot;&lt;wrong&gt;&quot;"))
        #expect(page.body.contains("default/&lt;script&gt;") && !page.body.contains("default/<script>"))
        let policy = try #require(page.headers[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        let nonce = try #require(policy.split(separator: "'nonce-").dropFirst().first?.prefix { $0 != "'" })
        #expect(page.body.contains("<script nonce=\"\(nonce)\">") && page.body.contains("<style nonce=\"\(nonce)\">"))
        #expect(!page.body.contains("src=") && !page.body.contains(" style="))
        let other = try await answer("/")
        #expect(other.headers[.contentSecurityPolicy] != policy, "a nonce is for one answer")
    }

    // MARK: - Changes

    @Test func `changes the level of the log`() async throws {
        let process = AdminProcess(logLevel: LogLevelControl(.info))
        #expect(try await answer("/log-level", process: process).body.contains("info"))
        #expect(try await answer("/log-level", method: .put, body: "debug\n", process: process).status == 200)
        #expect(process.logLevel.level == .debug)
        let wrong = try await answer("/log-level", method: .put, body: "loud", process: process)
        #expect(wrong.status == 400 && wrong.body.contains("notice"))
        #expect(process.logLevel.level == .debug)
    }

    @Test func `drains when it is told to, and not by a link`() async throws {
        let drains = Drains()
        let process = AdminProcess(drain: { drains.count.withLock { $0 += 1 } })
        #expect(try await answer("/drain", process: process).status != 202)
        #expect(drains.count.withLock { $0 } == 0)
        #expect(try await answer("/drain", method: .put, process: process).status == 202)
        #expect(drains.count.withLock { $0 } == 1)
        let foreign: HTTPFields = [.origin: "https://evil.example"]
        #expect(try await answer("/drain", method: .post, headers: foreign, process: process).status == 403)
        #expect(drains.count.withLock { $0 } == 1)
    }

    private final class Drains: Sendable {
        let count = Mutex(0)
    }

    @Test(arguments: [
        ("127.0.0.1:9901", true), ("localhost:9901", true), ("[::1]:9901", true), ("10.0.0.7", true),
        ("admin.internal:9901", true), ("evil.example:9901", false), ("127.0.0.1.evil.example", false), ("", false),
    ])
    func `only own hosts are answered`(host: String, isOwn: Bool) {
        let rules = AdminGuardRules(names: ["admin.internal"])
        #expect((rules.refusal(isReading: true, authority: host, origin: nil, fetchSite: nil) == nil) == isOwn)
    }

    @Test(arguments: [
        (nil, nil, true), ("http://localhost:9901", "same-origin", true), (nil, "cross-site", false),
        ("null", nil, false), ("https://localhost:9901", nil, false), ("http://localhost:80", nil, false),
    ])
    func `changes are not taken from other origins`(origin: String?, site: String?, isTaken: Bool) {
        let rules = AdminGuardRules(names: [])
        let refusal = rules.refusal(isReading: false, authority: "localhost:9901", origin: origin, fetchSite: site)
        #expect((refusal == nil) == isTaken)
    }
}
