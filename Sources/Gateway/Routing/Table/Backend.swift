/// A port of a Service that requests are forwarded to.
public final class Backend: Sendable {
    public enum WireProtocol: String, Sendable {
        case http1 = "HTTP/1.1"
        /// HTTP/2 in cleartext with prior knowledge (RFC 9113 §3.3).
        case h2c
    }

    /// Its place in `RouteTable.backends`.
    public let index: Int
    /// "namespace/name:port".
    public let name: String
    public let wireProtocol: WireProtocol
    /// Where it is reached; empty while its name has no address, and then it answers nothing.
    public let endpoints: [Endpoint]
    public let traffic: TrafficSettings
    /// Nil: cleartext. With TLS, `h2c` means HTTP/2 negotiated by ALPN.
    public let tls: BackendTLS?

    public init(
        index: Int, name: String, wireProtocol: WireProtocol, endpoints: [Endpoint],
        traffic: TrafficSettings = TrafficSettings(), tls: BackendTLS? = nil
    ) {
        self.index = index
        self.name = name
        self.wireProtocol = wireProtocol
        self.endpoints = endpoints
        self.traffic = traffic
        self.tls = tls
    }
}

/// One address of a backend.
public struct Endpoint: Hashable, Sendable {
    /// A numeric IPv4 or IPv6 address, the latter without brackets.
    public var address: String
    public var port: UInt16

    public init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}
