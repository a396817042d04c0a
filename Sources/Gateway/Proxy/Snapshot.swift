public import Reactor
public import Routing

/// One configuration, built and validated off the loop and swapped whole. A request keeps the one it began with.
public final class Snapshot: Sendable {
    public let routes: RouteTable
    public let listeners: [Listener]
    public let limits: Limits
    public let verifier: any TokenVerifying

    public init(routes: RouteTable, listeners: [Listener], limits: Limits, verifier: any TokenVerifying) {
        self.routes = routes
        self.listeners = listeners
        self.limits = limits
        self.verifier = verifier
    }
}

/// An address that the gateway listens on.
public struct Listener: Sendable {
    /// The listener's place in the route table.
    public let index: Int
    public let name: String
    /// A numeric IPv4 or IPv6 address; `::` also takes IPv4 connections.
    public let address: String
    public let port: UInt16
    /// Nil: cleartext HTTP/1.1.
    public let tls: TLSServerContext?

    public init(index: Int, name: String, address: String, port: UInt16, tls: TLSServerContext?) {
        self.index = index
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
    }
}
