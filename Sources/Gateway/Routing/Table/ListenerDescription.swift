/// A listener of a `Gateway` document: where clients come in.
///
/// Listeners with the same port share one socket: they have the same protocol, and differ in their hostnames.
public struct ListenerDescription: Sendable, Hashable {
    public enum TransportProtocol: String, Sendable {
        case http = "HTTP"
        case https = "HTTPS"
    }

    /// The `Gateway` it belongs to, as "namespace/name".
    public var gateway: String
    /// The listener's own name, which routes give as `sectionName`.
    public var name: String
    /// The port that the document declares. `--listen` may bind another one.
    public var port: UInt16
    public var transport: TransportProtocol
    /// The hosts it serves; `.any` unless the document narrows them.
    public var hostname: Hostname
    /// The TLS Secrets of an HTTPS listener, as "namespace/name"; empty for HTTP. The first is for clients that name no
    /// host.
    public var certificates: [String]
    /// Whether every connection begins with a PROXY protocol header, which tells the client's address.
    public var proxyProtocol: Bool
    /// The networks from which such a header is believed, as "10.0.0.0/8"; empty: all.
    public var proxySources: [String]

    public init(
        gateway: String = "default/gatehouse", name: String, port: UInt16, transport: TransportProtocol,
        hostname: Hostname = .any, certificates: [String] = [], proxyProtocol: Bool = false,
        proxySources: [String] = []
    ) {
        self.gateway = gateway
        self.name = name
        self.port = port
        self.transport = transport
        self.hostname = hostname
        self.certificates = certificates
        self.proxyProtocol = proxyProtocol
        self.proxySources = proxySources
    }
}
