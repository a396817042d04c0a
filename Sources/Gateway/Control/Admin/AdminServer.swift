import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Proxy
import Routing
import ServiceLifecycle

/// The private interface of the process: health, readiness, metrics, and the routes in use.
///
/// It has no authentication of its own: bind it to a loopback or otherwise private address.
struct AdminServer: Service {
    let address: HostPort
    let status: ControlStatus
    let logger: Logger
    let figures: @Sendable () -> GatewayFigures

    func run() async throws {
        let application = Application(
            router: Self.router(status: status, figures: figures),
            configuration: .init(address: .hostname(address.host, port: Int(address.port)), serverName: nil),
            logger: logger)
        do {
            try await application.run()
        } catch {
            throw AdminServerError(address: address, reason: "\(error)")
        }
    }

    static func router(
        status: ControlStatus, figures: @escaping @Sendable () -> GatewayFigures
    ) -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/healthz") { _, _ in Self.answer("ok\n", type: "text/plain; charset=utf-8") }
        router.get("/readyz") { _, _ in Self.readiness(status.values) }
        router.get("/metrics") { _, _ in
            Self.answer(GatewayMetrics.text(figures(), status: status.values), type: GatewayMetrics.contentType)
        }
        router.get("/routes") { _, _ in
            guard let table = status.values.table else { throw HTTPError(.serviceUnavailable) }
            return try Self.json(RouteTableSummary(of: table))
        }
        return router
    }

    private struct Readiness: Encodable {
        let ready: Bool
        let phase: String
        /// Why a newer configuration is not in use. The process is ready all the same: the older one serves.
        let refusedConfiguration: [String]
        let unresolvedNames: [String]
    }

    private static func readiness(_ values: ControlStatus.Values) -> Response {
        let isReady = values.phase == .serving
        let body = Readiness(
            ready: isReady, phase: values.phase.rawValue, refusedConfiguration: values.refusal.map(\.description),
            unresolvedNames: values.unresolvedNames)
        do {
            return try json(body, status: isReady ? .ok : .serviceUnavailable)
        } catch {
            return answer("", type: "text/plain", status: .internalServerError)
        }
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        return answer(text, type: "application/json", status: status)
    }

    private static func answer(
        _ text: String, type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
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
