import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Proxy
import Routing
import ServiceLifecycle

/// The private interface of the process: health, metrics, what is configured, what goes on, and a page that shows it.
///
/// It has no authentication of its own: bind it to a loopback or otherwise private address. `AdminGuard` keeps web pages
/// out. docs/commands.md lists the paths.
struct AdminServer: Service {
    /// What is answered at an address.
    enum Scope: Sendable {
        case everything
        /// `/healthz`, `/readyz` and `/metrics` alone, asked by any name: for probes and Prometheus, which come from other
        /// machines and must not reach what changes the process or tells its configuration.
        case management
    }

    let address: HostPort
    var scope = Scope.everything
    /// Names besides addresses and "localhost" under which it may be asked.
    var names: Set<String> = []
    let status: ControlStatus
    let logger: Logger
    let process: AdminProcess

    static let plain = "text/plain; charset=utf-8"
    /// The largest body that is read.
    private static let bodyLimitBytes = 1_024

    func run() async throws {
        let application = Application(
            router: scope == .management
                ? Self.managementRouter(status: status, process: process)
                : Self.router(status: status, process: process, names: names.union([address.host.lowercased()])),
            configuration: .init(address: .hostname(address.host, port: Int(address.port)), serverName: nil),
            logger: logger)
        do {
            try await application.run()
        } catch {
            throw AdminServerError(address: address, reason: "\(error)")
        }
    }

    static func router(
        status: ControlStatus, process: AdminProcess, names: Set<String> = []
    ) -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: AdminGuard(names: names))
        addHealth(to: router, status, process)
        addViews(to: router, status, process)
        addChanges(to: router, process)
        return router
    }

    static func managementRouter(status: ControlStatus, process: AdminProcess) -> Router<BasicRequestContext> {
        let router = Router()
        addHealth(to: router, status, process)
        return router
    }

    private static func addHealth(
        to router: Router<BasicRequestContext>, _ status: ControlStatus, _ process: AdminProcess
    ) {
        router.get("/healthz") { _, _ in Self.answer("ok\n", type: plain) }
        router.get("/readyz") { _, _ in
            let report = ReadinessReport(status.values)
            return try Self.json(report, status: report.ready ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            Self.answer(GatewayMetrics.text(process.figures(), status: status.values), type: GatewayMetrics.contentType)
        }
    }

    private static func addViews(
        to router: Router<BasicRequestContext>, _ status: ControlStatus, _ process: AdminProcess
    ) {
        router.get("/routes") { _, _ in
            guard let table = status.values.table else { throw HTTPError(.serviceUnavailable) }
            return try Self.json(RouteTableSummary(of: table))
        }
        router.get("/status") { _, _ in try Self.json(status.values.objects) }
        router.get("/explain") { request, _ in try await Self.explain(request, status.values, process) }
        router.get("/config") { _, _ in
            Self.answer(try RedactedDocuments.json(status.values.documents), type: "application/json")
        }
        router.get("/endpoints") { _, _ in try Self.json(EndpointReport.all(process.figures().endpoints)) }
        router.get("/connections") { _, _ in
            try Self.json(await process.connections(to: status.values.table?.listeners.map(\.name) ?? []))
        }
        router.get("/live") { _, _ in
            try Self.json(LiveReport(process.figures(), status: status.values, time: Date().timeIntervalSince1970))
        }
        router.get("/") { _, _ in
            let nonce = AdminPage.nonce()
            let page = AdminPage(figures: process.figures(), status: status.values, boundPorts: process.boundPorts())
            var response = Self.answer(page.html(nonce: nonce), type: "text/html; charset=utf-8")
            response.headers[.contentSecurityPolicy] = AdminPage.policy(nonce: nonce)
            response.headers[.xContentTypeOptions] = "nosniff"
            return response
        }
    }

    private static func addChanges(to router: Router<BasicRequestContext>, _ process: AdminProcess) {
        struct Level: Codable { var level: String }
        router.get("/log-level") { _, _ in try Self.json(Level(level: process.logLevel.level.rawValue)) }
        for method in [HTTPRequest.Method.put, .post] {
            router.on("/log-level", method: method) { request, _ in
                let body = try await request.body.collect(upTo: bodyLimitBytes)
                let text = request.uri.queryParameters.get("level") ?? String(buffer: body)
                let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
                guard let level = Logger.Level(rawValue: name) else {
                    let known = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                    return Self.answer(
                        "\"\(name)\" is no level; there are: \(known)\n", type: plain, status: .badRequest)
                }
                process.logLevel.level = level
                return try Self.json(Level(level: level.rawValue))
            }
            router.on("/drain", method: method) { _, _ in
                process.drain()
                return Self.answer("draining; the process ends when it is done\n", type: plain, status: .accepted)
            }
        }
    }

    private static func explain(
        _ request: Request, _ values: ControlStatus.Values, _ process: AdminProcess
    ) async throws -> Response {
        guard let table = values.table, let verifier = values.verifier else { throw HTTPError(.serviceUnavailable) }
        let query = request.uri.queryParameters
        do {
            guard let url = query.get("url") else {
                throw ExplainError(
                    "say which: /explain?method=GET&url=https://localhost:8443/path&header=name:%20value")
            }
            var fields = query.getAll("header")
            // The token is not for the query, where it would stay in histories.
            if let authorization = request.headers[.authorization] { fields.append("authorization: \(authorization)") }
            let asked = try ExplainedRequest(
                method: query.get("method") ?? "GET", url: url, fields: fields,
                clientAddress: query.get("client-address"))
            let explainer = Explainer(
                table: table, boundPorts: process.boundPorts(), verifier: verifier, revocations: values.revocations)
            let report = try await explainer.explain(asked)
            return query.get("format") == "text" ? answer(report.text + "\n", type: plain) : try json(report)
        } catch let problem as ExplainError {
            return answer("\(problem)\n", type: plain, status: .badRequest)
        }
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        answer(try JSONText.pretty(value) + "\n", type: "application/json", status: status)
    }

    static func answer(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Why the admin interface ended; most often because its address is in use.
struct AdminServerError: Error, CustomStringConvertible {
    let address: HostPort
    let reason: String

    var description: String { "the admin interface at \(address) failed: \(reason)" }
}
