/// What a pool is doing and has done, for metrics.
public struct PoolStatistics: Sendable, Hashable {
    /// Connections being opened now.
    public internal(set) var connecting = 0
    /// Open connections without work now.
    public internal(set) var idle = 0
    /// Connections with statements in flight, or in a transaction, now.
    public internal(set) var busy = 0
    /// Requests that wait for a connection now.
    public internal(set) var waiting = 0
    /// Connections opened since the start.
    public internal(set) var opened = 0
    /// Open connections that broke since the start.
    public internal(set) var lost = 0
    /// Statements answered since the start, those of transactions included.
    public internal(set) var statements = 0
    /// Requests that found no connection in time since the start.
    public internal(set) var acquireTimeouts = 0

    public init() {}
}
