import Foundation

/// The folder of documents that a deployment adds to those of `k8s/base/gateway`: the certificate, and a route of the
/// tests' own.
struct GatewayDocuments: Sendable {
    let folder: String

    /// Writes the Secret that the repository's documents refer to.
    func write(_ certificates: Certificates) throws {
        try put(
            """
            apiVersion: v1
            kind: Secret
            metadata:
              name: gatehouse-tls
            type: kubernetes.io/tls
            data:
              tls.crt: \(try base64(certificates.certificate))
              tls.key: \(try base64(certificates.key))
            """, as: "local.yaml")
    }

    /// Writes the route to the recording backend; it asks for a token, as every route does, and for no scope.
    func writeRecorderRoute(prefix: String = "/recorder") throws {
        try put(
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata:
              name: recorder
            spec:
              parentRefs:
                - name: gatehouse
                  sectionName: https
              rules:
                - matches:
                    - path: {type: PathPrefix, value: \(prefix)}
                  backendRefs:
                    - name: recorder
                      port: 80
            """, as: "recorder.yaml")
    }

    /// Writes any document; at once, so that a reload never reads half of it.
    func put(_ text: String, as name: String) throws {
        try (text + "\n").write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }

    private func base64(_ file: String) throws -> String {
        try Data(contentsOf: URL(fileURLWithPath: file)).base64EncodedString()
    }
}
