import Foundation
import GatewayTestSupport
import Logging
import Proxy
import Routing
import Testing

@testable import Control

/// A gateway in a cluster: documents without a namespace, and Secrets and ConfigMaps that are mounted as folders.
@Suite(.timeLimit(.minutes(3))) struct MountedObjectTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let listener = "{name: https, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: tls}]}}"

    private static let documents = """
        \(SampleDocuments.gateway(listener: listener))
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: route}
        spec:
          parentRefs: [{name: gatehouse}]
          rules: [{backendRefs: [{name: warehouse, port: 80}]}]
        ---
        apiVersion: v1
        kind: List
        items:
          - apiVersion: v1
            kind: Service
            metadata: {name: warehouse}
            spec: {clusterIP: None, ports: [{port: 80, targetPort: 8081}]}
        """

    /// As the kubelet lays out a mounted object: what is seen are links into a hidden folder that is replaced whole.
    private func mount(_ name: String, version: String, _ files: [String: String]) throws {
        for (file, text) in files { try folder.write("\(name)/..\(version)/\(file)", text) }
        let data = "\(folder.path)/\(name)/..data"
        try? FileManager.default.removeItem(atPath: data)  // the first time there is none
        try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: "..\(version)")
        for file in files.keys where !FileManager.default.fileExists(atPath: "\(folder.path)/\(name)/\(file)") {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/\(name)/\(file)", withDestinationPath: "..data/\(file)")
        }
    }

    private func files(mounted: [MountedObject]) -> ConfigurationFiles {
        ConfigurationFiles(
            reading: ["\(folder.path)/documents"], mounted: mounted, namespace: "shop")
    }

    @Test func `a mounted certificate serves documents of the given namespace`() async throws {
        let certificate = try Certificate.localhost.get()
        try folder.write("documents/a.yaml", Self.documents)
        try mount(
            "tls", version: "1",
            [
                "tls.crt": String(decoding: certificate.certificatePEM, as: UTF8.self),
                "tls.key": String(decoding: certificate.privateKeyPEM, as: UTF8.self),
            ])
        let secret = try #require(MountedObject(.secret, "tls=\(folder.path)/tls"))
        var configuration = Configuration(files: files(mounted: [secret]))
        #expect(configuration.documents.services.map(\.metadata.key) == ["shop/warehouse"])
        #expect(configuration.documents.secrets.map(\.type) == [SecretDocument.tlsType])
        let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
        let built = try await configuration.snapshot(endpoints: [:], queue: queue)
        #expect(built.snapshot.listeners.first?.tls != nil)
        #expect(configuration.certificateExpiries.map(\.secret) == ["shop/tls"])
    }

    @Test func `a mounted ConfigMap has the texts of its files`() throws {
        try folder.write("documents/a.yaml", Self.documents)
        try mount("keys", version: "1", ["jwks.json": #"{"keys": []}"#])
        try Data([0xff]).write(to: URL(fileURLWithPath: "\(folder.path)/keys/binary"))
        let keys = try #require(MountedObject(.configMap, "token-keys=\(folder.path)/keys"))
        let documents = Documents(reading: files(mounted: [keys]).documents)
        let found = try #require(documents.configMaps.first)
        #expect(found.metadata.key == "shop/token-keys")
        #expect(found.data.mapValues(\.value) == ["jwks.json": #"{"keys": []}"#])
    }

    @Test func `a namespace that a document names stays`() throws {
        try folder.write("documents/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\n")
        let documents = Documents(reading: files(mounted: []).documents)
        #expect(documents.configMaps.map(\.metadata.key) == ["other/a"])
    }

    @Test func `a new version of a mounted object is a change`() throws {
        try folder.write("documents/a.yaml", Self.documents)
        try mount("tls", version: "1", ["tls.crt": "one"])
        let secret = try #require(MountedObject(.secret, "tls=\(folder.path)/tls"))
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(configuration: ["\(folder.path)/documents"], mounted: [secret]),
            queue: VerificationQueue(consumers: 1) { TokenFactory.now }, status: ControlStatus(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, secondsSince1970: { TokenFactory.now })
        // The first look is a change from nothing, which has come to rest at the second.
        let looks = [keeper.filesHaveChanged(), keeper.filesHaveChanged()]
        #expect(looks == [false, true])
        let before = ConfigurationFiles.states(of: [], mounted: [secret], and: [])
        try mount("tls", version: "2", ["tls.crt": "another"])
        #expect(ConfigurationFiles.states(of: [], mounted: [secret], and: []) != before)
    }

    @Test func `what cannot be read is an error with its place`() throws {
        try folder.write("documents/a.yaml", Self.documents)
        let missing = try #require(MountedObject(.secret, "tls=\(folder.path)/missing"))
        let found = files(mounted: [missing]).diagnostics.map(\.description)
        #expect(found.count == 1 && found[0].hasPrefix("\(folder.path)/missing: error: cannot be listed"), "\(found)")
    }

    @Test(arguments: ["", "tls", "=/etc/tls", "tls="])
    func `other texts are no mounted objects`(text: String) {
        #expect(MountedObject(.secret, text) == nil)
    }
}
