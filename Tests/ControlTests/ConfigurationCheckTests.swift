import Foundation
import Routing
import Testing

@testable import Control

@Suite struct ConfigurationCheckTests {
    private func check(_ text: String) async throws -> [String] {
        let folder = try TemporaryFolder()
        try folder.write("a.yaml", text)
        return await Configuration(files: ConfigurationFiles(reading: [folder.path])).check()
            .filter { $0.severity == .error }.map(\.message)
    }

    @Test func `our own documents are good, but for what is generated`() async {
        let files = ConfigurationFiles(reading: [Repository.folder.appendingPathComponent("k8s/base").path])
        let found = await Configuration(files: files).check()
        #expect(!files.documents.isEmpty)
        #expect(found.filter { $0.severity == .error } == [])
        #expect(
            found.filter { $0.severity == .warning }.map(\.message) == ["there is no Secret default/gatehouse-tls"])
    }

    @Test func `a backend that anybody reaches is a warning with a request that shows it`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "a.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: r}
            spec:
              parentRefs: [{name: g}]
              hostnames: ["*.example.com"]
              rules:
                - matches: [{path: {value: /a}, method: PUT, headers: [{name: x, value: "it's"}]}]
                  backendRefs: [{name: s, port: 80}]
            """)
        let found = await Configuration(files: ConfigurationFiles(reading: [folder.path])).check()
        let lint = found.filter { $0.check != nil }
        #expect(lint.map(\.check) == ["no-authentication"])
        #expect(lint.first?.witness == "'PUT http://www.example.com/a' -H 'x: it'\\''s'")
        #expect(lint.first?.place.line == 13 && lint.first?.place.file == file)
        let report = DiagnosticReport(found)
        #expect(report.errors == 0 && report.findings.contains { $0.check == "no-authentication" && $0.line == 13 })
    }

    @Test func `a certificate that cannot be read is an error`() async throws {
        let gateway = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec:
              gatewayClassName: c
              listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls}]}}]
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: tls}
            type: kubernetes.io/tls

            """
        let text = try await check(gateway + "stringData: {tls.crt: nothing, tls.key: nothing}")
        #expect(text.contains { $0.contains("certificate chain cannot be read") }, "\(text)")
        let base64 = try await check(gateway + "data: {tls.crt: '!', tls.key: AAAA}")
        #expect(base64.contains { $0.contains("not base64") }, "\(base64)")
    }

    @Test func `authorities of a backend that cannot be read are an error of their policy`() async throws {
        let found = try await check(
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: GatewayClass
            metadata: {name: c}
            spec: {controllerName: gatehouse.dev/gateway}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: ca}
            data: {ca.crt: not a certificate}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: s}
            spec: {ports: [{port: 443}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: BackendTLSPolicy
            metadata: {name: p}
            spec:
              targetRefs: [{group: "", kind: Service, name: s}]
              validation: {hostname: s.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: r}
            spec:
              parentRefs: [{name: g}]
              rules: [{backendRefs: [{name: s, port: 443}]}]
            """)
        #expect(found.contains { $0.contains("TLS to default/s:443") }, "\(found)")
    }

    @Test func `a key set that cannot be used is an error`() async throws {
        let found = try await check(
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: keys}
            data: {jwks.json: '{"keys": []}'}
            ---
            apiVersion: gatehouse.dev/v1alpha1
            kind: AuthenticationPolicy
            metadata: {name: p}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]
              jwt: {issuer: i, audiences: [a], keySet: {configMapRef: {name: keys, key: jwks.json}}}
            """)
        #expect(found.contains { $0.contains("has no key") }, "\(found)")
    }
}
