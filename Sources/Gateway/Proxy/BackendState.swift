import Policy
import Reactor
import Routing

/// What one worker knows of a backend: its endpoints with their pools, which of them are to be used, and what its retries
/// have cost. Known by the backend's name, it lives on when a new snapshot names the backend again.
final class BackendState {
    private let worker: Worker
    private(set) var traffic = TrafficSettings()
    private(set) var outlierSettings = OutlierDetector.Settings()
    private var pools: [EndpointPool] = []
    /// The pools that requests go to: those that are well and not ejected, or in a panic all of them.
    private var usable: [EndpointPool] = []
    private var nextReadmission: UInt64 = .max
    private var slowStarters = 0
    private var roundRobin: RoundRobin
    private var budget = RetryBudget()

    init(worker: Worker) {
        self.worker = worker
        roundRobin = RoundRobin(start: Int(truncatingIfNeeded: worker.random.next() >> 1))
    }

    var endpoints: [EndpointPool] { pools }
    /// Those that requests go to.
    var usableEndpoints: [EndpointPool] { usable }

    // MARK: - Configuration

    /// Pools for `backend`'s endpoints: those there are, where they fit, and new ones. Changes nothing.
    func makePools(for backend: Backend, tls: TLSClientContext?) throws(ReactorError) -> [EndpointPool] {
        var known: [Endpoint: EndpointPool] = [:]
        for pool in pools where pool.fits(backend) { known[pool.endpoint] = pool }
        var made: [EndpointPool] = []
        for endpoint in backend.endpoints {
            if let pool = known[endpoint] {
                made.append(pool)
            } else {
                let pool = try EndpointPool(state: self, worker: worker, backend: backend, endpoint: endpoint, tls: tls)
                known[endpoint] = pool
                made.append(pool)
            }
        }
        return made
    }

    /// Puts `backend`'s settings and endpoints in force; pools that are left over are retired.
    func use(_ backend: Backend, pools next: [EndpointPool]) {
        traffic = backend.traffic
        let outliers = traffic.outliers
        outlierSettings.consecutiveFailures = outliers.consecutiveFailures
        outlierSettings.failurePercent = outliers.failurePercent
        outlierSettings.minimumRequests = outliers.failurePercentMinimumRequests
        outlierSettings.intervalMilliseconds = outliers.intervalMilliseconds
        outlierSettings.baseEjectionMilliseconds = outliers.baseEjectionMilliseconds
        outlierSettings.maximumEjectionMilliseconds = outliers.maximumEjectionMilliseconds
        let previous = pools
        let isNew = previous.isEmpty
        pools = next
        for pool in next {
            pool.apply(traffic)
            guard !previous.contains(where: { $0 === pool }) else { continue }
            worker.counters.endpoints.add(pool.counters)
            // When all begin together none is slower than the others.
            if !isNew { beginSlowly(pool) }
        }
        let retired = previous.filter { pool in !next.contains { $0 === pool } }
        for pool in retired { retire(pool) }
        update()
        guard !usable.isEmpty else { return }
        for pool in retired { pool.sendAwayWaiting() }
    }

    func retireAll() {
        for pool in pools { retire(pool) }
    }

    private func retire(_ pool: EndpointPool) {
        worker.counters.endpoints.remove(pool.counters)
        pool.retire()
    }

    /// The worker has ended: pools refer to their state, and it to them.
    func letGo() {
        pools = []
        usable = []
    }

    // MARK: - Choosing

    /// The endpoint for a request; nil when there is none.
    func choose(for exchange: Exchange) -> EndpointPool? {
        if worker.loop.now >= nextReadmission { readmit() }
        guard exchange.tried.isEmpty else { return choose(for: exchange, of: untried(by: exchange)) }
        guard usable.count > 1 else { return usable.first }
        return choose(for: exchange, of: usable)
    }

    /// Another attempt goes to an endpoint that was not tried, or at least not just now.
    private func untried(by exchange: Exchange) -> [EndpointPool] {
        let fresh = usable.filter { pool in !exchange.tried.contains { $0 === pool } }
        if !fresh.isEmpty { return fresh }
        let last = exchange.tried.last
        let others = usable.filter { $0 !== last }
        return others.isEmpty ? usable : others
    }

    func hasAlternative(for exchange: Exchange) -> Bool {
        usable.contains { pool in pool !== exchange.pool && !exchange.tried.contains { $0 === pool } }
    }

    private func choose(for exchange: Exchange, of choices: [EndpointPool]) -> EndpointPool? {
        guard choices.count > 1 else { return choices.first }
        switch traffic.loadBalancing.algorithm {
        case .leastRequests: break
        case .roundRobin:
            let pool = choices[roundRobin.place(of: choices.count)]
            return takesItsShare(pool) ? pool : choices[roundRobin.place(of: choices.count)]
        case .consistentHash(let key):
            guard let hash = exchange.hash(of: key) else { break }
            let place = ConsistentHash.place(for: hash, of: choices.count, node: { choices[$0].nameHash })
            return place.map { choices[$0] }
        }
        let (first, second) = LoadBalancer.two(of: choices.count, random: worker.random.next())
        let (one, other) = (choices[first], choices[second])
        if !takesItsShare(one) { return other }
        if !takesItsShare(other) { return one }
        return one.load <= other.load ? one : other
    }

    private func takesItsShare(_ pool: EndpointPool) -> Bool {
        guard slowStarters > 0, let start = pool.slowStart else { return true }
        if start.percent(at: worker.loop.now) < 100 {
            return start.takes(at: worker.loop.now, random: worker.random.next())
        }
        pool.slowStart = nil
        slowStarters -= 1
        return true
    }

    // MARK: - Retries

    func requestBegan() { budget.requestBegan(at: worker.loop.now) }

    func takeRetry() -> Bool {
        let settings = traffic.retries
        return budget.takeRetry(
            at: worker.loop.now, percent: settings.budgetPercent, minimumPerSecond: settings.budgetMinimumPerSecond)
    }

    // MARK: - Availability

    /// `pool`'s endpoint has failed so often that it should be left alone, if it can be spared.
    func wantsEjection(_ pool: EndpointPool) {
        let ejected = pools.count { $0.isEjected }
        let limit = traffic.outliers.maximumEjectedPercent
        guard EjectionLimit.allowsOneMore(ejected: ejected, of: pools.count, maximumPercent: limit) else { return }
        pool.eject(outlierSettings)
        update()
    }

    /// The health of `pool`'s endpoint changed.
    func healthChanged(_ pool: EndpointPool) {
        if pool.isHealthy { beginSlowly(pool) }
        update()
    }

    /// Another worker found out.
    func learned(isHealthy: Bool, of endpoint: Endpoint) {
        guard traffic.healthCheck != nil else { return }
        for pool in pools where pool.endpoint == endpoint { pool.learned(isHealthy: isHealthy) }
    }

    private func readmit() {
        for pool in pools {
            guard let end = pool.ejectedUntil, worker.loop.now >= end else { continue }
            pool.readmit(outlierSettings)
            beginSlowly(pool)
        }
        update()
    }

    private func beginSlowly(_ pool: EndpointPool) {
        guard traffic.loadBalancing.slowStartMilliseconds > 0 else { return }
        if pool.slowStart == nil { slowStarters += 1 }
        pool.slowStart = SlowStart(
            at: worker.loop.now, milliseconds: traffic.loadBalancing.slowStartMilliseconds)
    }

    private func update() {
        slowStarters = pools.count { $0.slowStart != nil }
        nextReadmission = pools.reduce(.max) { min($0, $1.ejectedUntil ?? .max) }
        let available = pools.filter(\.isAvailable)
        let isPanic = EjectionLimit.isPanic(
            available: available.count, of: pools.count, thresholdPercent: traffic.outliers.panicThresholdPercent)
        usable = isPanic ? pools : available
        guard !isPanic, available.count < pools.count, !available.isEmpty else { return }
        for pool in pools where !pool.isAvailable { pool.sendAwayWaiting() }
    }
}
