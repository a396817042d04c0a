/// The documents that a gateway's tests begin with.
enum SampleDocuments {
    /// A GatewayClass, and the Gateway "gatehouse" of it with one listener. No separator follows.
    static func gateway(listener: String = "{name: http, port: 8080, protocol: HTTP}") -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GatewayClass
        metadata: {name: gatehouse}
        spec: {controllerName: gatehouse.dev/gateway}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: gatehouse}
        spec:
          gatewayClassName: gatehouse
          listeners: [\(listener)]
        """
    }

    /// As above, and the route "shop" for all requests. No separator follows.
    static let shop = """
        \(gateway())
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: shop}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - backendRefs: [{name: shop, port: 80}]
        """
}
