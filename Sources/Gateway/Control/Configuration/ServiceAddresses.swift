/// Where Services live that URIs of key sets and revocation feeds name: what `--backend` says holds for them as it does for
/// routes, so that `http://identity:8084/…` works on a laptop and in a cluster.
struct ServiceAddresses: Sendable {
    private let overrides: [BackendAddress]
    private let namespace: String

    /// - Parameter namespace: of Services that are named by one label.
    init(_ overrides: [BackendAddress] = [], namespace: String = "default") {
        self.overrides = overrides
        self.namespace = namespace
    }

    /// - Parameter host: "identity", "identity.shop", "identity.shop.svc" or "identity.shop.svc.cluster.local".
    /// - Returns: where that is; none when nobody said so, and the name is asked of the system.
    func addresses(of host: String, port: UInt16) -> [HostPort] {
        let labels = host.lowercased().split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard labels.count <= 2 || ["svc", "svc.cluster.local"].contains(labels[2...].joined(separator: ".")) else {
            return []
        }
        let key = "\(labels.count > 1 ? labels[1] : namespace)/\(labels[0])"
        let matching = overrides.filter { $0.serviceKey == key }
        let exact = matching.filter { $0.port == port }
        return (exact.isEmpty ? matching.filter { $0.port == nil } : exact).flatMap(\.addresses)
    }
}
