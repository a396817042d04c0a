import Reactor
import Routing
import Wire

/// A snapshot as one worker uses it: with the worker's pools for each endpoint, by backend.
///
/// Pools of endpoints that the previous snapshot named too are taken over, connections and all.
final class InstalledSnapshot {
    struct PoolKey: Hashable {
        let endpoint: Endpoint
        let backend: String
        let isMultiplexed: Bool
    }

    let snapshot: Snapshot
    let http1Limits: HTTP1Limits
    /// By `Backend.index`.
    private(set) var pools: [[EndpointPool]] = []
    private var byKey: [PoolKey: EndpointPool] = [:]

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        http1Limits = HTTP1Limits(
            maxStartLineBytes: snapshot.limits.requestLineBytes, maxHeaderBytes: snapshot.limits.headerBytes,
            maxFieldCount: snapshot.limits.headerFields)
    }

    /// - Throws: when an endpoint's address is not numeric; Control resolves names before.
    func makePools(worker: Worker, previous: InstalledSnapshot?) throws(ReactorError) {
        for backend in snapshot.routes.backends {
            var endpoints: [EndpointPool] = []
            for endpoint in backend.endpoints {
                let key = PoolKey(
                    endpoint: endpoint, backend: backend.name, isMultiplexed: backend.wireProtocol == .h2c)
                let pool: EndpointPool
                if let known = byKey[key] ?? previous?.byKey[key] {
                    pool = known
                } else {
                    pool = try EndpointPool(worker: worker, backend: backend, endpoint: endpoint)
                }
                byKey[key] = pool
                endpoints.append(pool)
            }
            pools.append(endpoints)
        }
    }

    /// Closes what only `self` used, now that `next` is in force.
    func retire(except next: InstalledSnapshot) {
        for (key, pool) in byKey where next.byKey[key] == nil { pool.retire() }
    }

    func retireAll() {
        for pool in byKey.values { pool.retire() }
    }

    /// The worker has ended: pools refer to it, and it to them by this.
    func letGo() {
        pools = []
        byKey = [:]
    }

    /// How many other endpoints could serve what failed at `pool`.
    func alternatives(to pool: EndpointPool) -> Int {
        for endpoints in pools where endpoints.contains(where: { $0 === pool }) { return endpoints.count - 1 }
        return 0
    }
}
