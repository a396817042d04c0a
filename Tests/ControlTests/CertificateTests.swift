import Foundation
import GatewayTestSupport
import Proxy
import Routing
import Testing

@testable import Control

/// The certificates of listeners that share a port.
@Suite struct CertificateTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(first: Certificate, second: String) throws {
        try folder.write(
            "a.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: GatewayClass
            metadata: {name: c}
            spec: {controllerName: gatehouse.dev/gateway}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec:
              gatewayClassName: c
              listeners:
                - {name: a, port: 443, protocol: HTTPS, hostname: a.example.com, tls: {certificateRefs: [{name: first}]}}
                - {name: b, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: second}]}}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: first}
            type: kubernetes.io/tls
            data:
              tls.crt: \(Data(first.certificatePEM).base64EncodedString())
              tls.key: \(Data(first.privateKeyPEM).base64EncodedString())
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: second}
            type: kubernetes.io/tls
            \(second)
            """)
    }

    private func data(_ certificate: Certificate) -> String {
        let pem = Data(certificate.certificatePEM).base64EncodedString()
        return "data: {tls.crt: \(pem), tls.key: \(Data(certificate.privateKeyPEM).base64EncodedString())}"
    }

    private func configuration() -> Configuration { Configuration(files: ConfigurationFiles(reading: [folder.path])) }

    private func snapshotErrors() async -> [String] {
        do throws(ConfigurationError) {
            let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
            var read = configuration()
            let built = try await read.snapshot(endpoints: [:], queue: queue)
            #expect(built.snapshot.listeners.map(\.name) == ["a"])
            #expect(built.snapshot.listeners.first?.tls != nil)
            return built.diagnostics.filter { $0.severity == .error }.map(\.description)
        } catch {
            return error.diagnostics.filter { $0.severity == .error }.map(\.description)
        }
    }

    @Test func `listeners of one port show their certificates on one socket`() async throws {
        try write(first: Certificate.localhost.get(), second: data(Certificate.other.get()))
        #expect(await snapshotErrors() == [])
    }

    @Test func `of several certificates the one that is wrong is named, and the others are shown`() async throws {
        try write(first: Certificate.localhost.get(), second: "stringData: {tls.crt: nothing, tls.key: nothing}")
        let errors = await snapshotErrors()
        #expect(errors.count == 1 && errors.first?.contains("Secret default/second") == true, "\(errors)")
    }

    @Test func `the end of each certificate is known, and complained about in time`() async throws {
        try write(first: Certificate.localhost.get(), second: data(Certificate.other.get()))
        let now = Int64(Date().timeIntervalSince1970)
        let configuration = configuration()
        let expiries = configuration.certificateExpiries
        #expect(expiries.map(\.secret).sorted() == ["default/first", "default/second"])
        // The test's certificates are made for two days.
        for expiry in expiries { #expect((now + 86_400...now + 2 * 86_400 + 60).contains(expiry.seconds)) }
        #expect(configuration.expiryDiagnostics(nowSeconds: now).map(\.severity) == [.warning, .warning])
        #expect(configuration.expiryDiagnostics(nowSeconds: now - 30 * 86_400).isEmpty)
        let late = configuration.expiryDiagnostics(nowSeconds: now + 30 * 86_400)
        #expect(late.allSatisfy { $0.message.contains("has expired") } && late.count == 2)
    }
}
