import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Proxy
import Routing
import Testing

@testable import Control

@Suite struct AdminServerTests {
    private let status = ControlStatus()

    private func answer(_ path: String) async throws -> (status: Int, type: String?, body: String) {
        let router = AdminServer.router(status: status) { GatewayFigures() }
        return try await Application(router: router).test(.router) { client in
            try await client.execute(uri: path, method: .get) { response in
                (response.status.code, response.headers[.contentType], String(buffer: response.body))
            }
        }
    }

    @Test func `is alive from the start and ready while it serves`() async throws {
        #expect(try await answer("/healthz").status == 200)
        #expect(try await answer("/readyz").status == 503)
        status.update { $0.phase = .serving }
        #expect(try await answer("/readyz").status == 200)
        status.update { $0.phase = .draining }
        let draining = try await answer("/readyz")
        #expect(draining.status == 503 && draining.body.contains("draining"))
        #expect(try await answer("/healthz").status == 200)
    }

    @Test func `tells of a refused configuration and stays ready`() async throws {
        status.update {
            $0.phase = .serving
            $0.refusal = [Diagnostic(.error, at: Place(file: "a.yaml", line: 3), "is wrong")]
        }
        let ready = try await answer("/readyz")
        #expect(ready.status == 200 && ready.body.contains("a.yaml:3: error: is wrong"))
    }

    @Test func `shows the routes in use`() async throws {
        #expect(try await answer("/routes").status == 503)
        let rule = RouteRule(index: 0, routeName: "default/r", ruleName: "0", redirect: Redirect(scheme: "https"))
        let listener = ListenerDescription(name: "http", port: 80, transport: .http)
        let table = RouteTable(listeners: [listener], rules: [rule], entries: [RouteEntry(rule: 0)])
        status.update { $0.table = table }
        let routes = try await answer("/routes")
        #expect(routes.status == 200 && routes.type == "application/json")
        #expect(routes.body.contains(#""redirect" : "302 https://<host>""#))
    }

    @Test func `shows metrics, and nothing else`() async throws {
        let metrics = try await answer("/metrics")
        #expect(metrics.status == 200 && metrics.type == GatewayMetrics.contentType)
        #expect(metrics.body.contains("gatehouse_requests_open 0"))
        #expect(try await answer("/").status == 404)
    }
}
