import Reactor

/// What one client holds of a worker.
final class ClientShare {
    let network: ClientNetwork
    var connections = 0
    /// Tokens of this client that wait for their verification.
    var verifications = 0

    init(_ network: ClientNetwork) { self.network = network }
}

/// Who may come in: the connections of one worker, by client, and which of them go when there is no room.
///
/// At `Limits.connectionsPerWorker` (or what the process's descriptors allow) those that are of no use go first: a
/// handshake or a first request that does not come, then what has been idle for a while. When all are busy, the listeners
/// pause until one ends; the kernel queues meanwhile.
struct Admission {
    /// Descriptors that are nobody's connection: epoll, mailbox, log, admin interface.
    private static let reservedDescriptors = 128
    /// Of the other descriptors so many hundredths are clients', the rest the endpoints'.
    private static let clientPercent = 70
    /// How long a connection without any request is safe from being closed to make room…
    static let unprovenNanoseconds: UInt64 = 2_000_000_000
    /// … and how long an idle one with requests before.
    static let idleNanoseconds: UInt64 = 10_000_000_000
    /// How many are closed at a time, and how often it is looked for them at most.
    static let evictedAtOnce = 64
    static let intervalNanoseconds: UInt64 = 100_000_000

    private(set) var clients: [ClientNetwork: ClientShare] = [:]
    private let descriptorShare: Int

    /// - Parameters:
    ///   - descriptors: what the process may have open.
    ///   - workers: among which they are shared.
    init(descriptors: Int, workers: Int) {
        let free = max(64, descriptors - Self.reservedDescriptors)
        descriptorShare = max(16, free * Self.clientPercent / 100 / max(1, workers))
    }

    /// How many connections of clients this worker may hold.
    func connectionLimit(_ limits: Limits) -> Int { min(limits.connectionsPerWorker, descriptorShare) }

    /// Counts a connection of `peer`; nil when the client has as many as one may have.
    mutating func enter(_ peer: SocketAddress, limits: Limits) -> ClientShare? {
        let network = ClientNetwork(peer)
        let share = clients[network] ?? ClientShare(network)
        guard share.connections < limits.connectionsPerClient else { return nil }
        share.connections += 1
        clients[network] = share
        return share
    }

    mutating func leave(_ share: ClientShare) {
        share.connections -= 1
        forgetIfIdle(share)
    }

    /// A client that is gone is still accounted for while its tokens wait, or reconnecting would be a way around.
    mutating func forgetIfIdle(_ share: ClientShare) {
        if share.connections == 0 && share.verifications == 0 { clients[share.network] = nil }
    }
}
