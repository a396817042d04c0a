public import Policy
public import Reactor
public import Routing

/// One configuration, built and validated off the loop and swapped whole. A request keeps the one it began with.
public final class Snapshot: Sendable {
    public let routes: RouteTable
    public let listeners: [Listener]
    public let limits: Limits
    public let verifier: any TokenVerifying
    /// By the token provider's place in the route table: the tokens that its issuer took back. Shorter, or nil: nobody tells.
    public let revocations: [RevocationSource?]
    /// Who is believed to say who the client is; nil: nobody.
    public let trustedProxies: TrustedProxies?
    /// By `RateLimit`'s place in the route table.
    public let rateLimiters: [RateLimiter]
    /// By `APIKeySet`'s place in the route table.
    let apiKeys: [APIKeyTable]
    /// Fields that only the gateway may send to backends; see `RouteTable.identityHeaders`.
    let identityHeaders: [[UInt8]]
    /// TLS towards the backends that ask for it, by `Backend.index`.
    let upstreamTLS: [TLSClientContext?]

    /// Takes milliseconds for each backend with TLS: not on a loop.
    ///
    /// - Parameter previous: rate limits that are the same there go on with what they have counted.
    /// - Throws: `UpstreamTLSError`, naming the backend whose authorities or client certificate cannot be used.
    public init(
        routes: RouteTable, listeners: [Listener], limits: Limits, verifier: any TokenVerifying,
        revocations: [RevocationSource?] = [], trustedProxies: TrustedProxies? = nil, keeping previous: Snapshot? = nil
    ) throws(UpstreamTLSError) {
        var contexts: [TLSClientContext?] = []
        for backend in routes.backends { contexts.append(try Self.context(for: backend)) }
        upstreamTLS = contexts
        rateLimiters = RateLimiter.limiters(of: routes, keeping: previous?.rateLimiters ?? [])
        apiKeys = routes.apiKeySets.map { APIKeyTable($0) }
        identityHeaders = routes.identityHeaders.map { Array($0.utf8) }
        self.routes = routes
        self.listeners = listeners
        self.limits = limits
        self.verifier = verifier
        self.revocations = revocations
        self.trustedProxies = trustedProxies
    }

    func revocations(of provider: Int) -> RevocationSource? {
        provider < revocations.count ? revocations[provider] : nil
    }
}

extension Snapshot {
    /// Whether the backend's authorities and client certificate can be used. Takes milliseconds: not on a loop.
    public static func checkTLS(of backend: Backend) throws(UpstreamTLSError) { _ = try context(for: backend) }

    private static func context(for backend: Backend) throws(UpstreamTLSError) -> TLSClientContext? {
        guard let tls = backend.tls else { return nil }
        var settings = TLSClientContext.Settings(serverName: tls.hostname)
        settings.acceptedNames = tls.subjectAltNames
        settings.authoritiesPEM = tls.authorities
        settings.certificateChainPEM = tls.clientCertificate
        settings.privateKeyPEM = tls.clientKey
        settings.wantsHTTP2 = backend.wireProtocol == .h2c
        do throws(TLSError) {
            return try TLSClientContext(settings)
        } catch {
            throw UpstreamTLSError(backend: backend.name, reason: error)
        }
    }
}

/// A backend's TLS settings cannot be used.
public struct UpstreamTLSError: Error, Equatable, CustomStringConvertible {
    /// "namespace/name:port".
    public let backend: String
    public let reason: TLSError
    public var description: String { "TLS to \(backend): \(reason)" }
}

/// An address that the gateway listens on.
public struct Listener: Sendable {
    /// The listener's place in the route table.
    public let index: Int
    public let name: String
    /// A numeric IPv4 or IPv6 address; `::` also takes IPv4 connections.
    public let address: String
    public let port: UInt16
    /// Nil: cleartext; HTTP/1.1, or HTTP/2 with prior knowledge (RFC 9113 §3.3).
    public let tls: TLSServerContext?
    /// Every connection begins with a PROXY header; nil: none does.
    public let proxyProtocol: ProxyProtocolSettings?

    public init(
        index: Int, name: String, address: String, port: UInt16, tls: TLSServerContext?,
        proxyProtocol: ProxyProtocolSettings? = nil
    ) {
        self.index = index
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
        self.proxyProtocol = proxyProtocol
    }
}

/// A proxy in front that says who the client is (the PROXY protocol, versions 1 and 2).
public struct ProxyProtocolSettings: Sendable, Hashable {
    /// From where the header is believed; connections from elsewhere are closed. Empty: from everywhere, for a listener
    /// that only the proxy can reach.
    public var trustedSources: AddressSet

    public init(trustedSources: AddressSet = AddressSet([])) { self.trustedSources = trustedSources }

    func trusts(_ peer: SocketAddress) -> Bool {
        let (high, low) = peer.bytes
        return trustedSources.isEmpty || trustedSources.contains(high: high, low: low)
    }
}
