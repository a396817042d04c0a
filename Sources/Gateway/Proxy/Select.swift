import Routing

/// Phase 5: which backend, which endpoint? Backends by weight, endpoints by power of two choices: of two at random the one
/// with fewer requests under way (Mitzenmacher, 2001).
extension Exchange {
    func select() {
        guard let rule, let backend = chooseBackend(rule) else { return refuse(.noEndpoint) }
        let pools = configuration.pools[backend.index]
        guard let pool = chooseEndpoint(pools) else { return refuse(.noEndpoint) }
        self.pool = pool
        forward(to: pool)
    }

    private func chooseBackend(_ rule: RouteRule) -> Backend? {
        if rule.backends.count == 1 { return rule.backends[0].backend }
        guard rule.totalWeight > 0 else { return nil }
        var ticket = Int(worker.random.next() % UInt64(rule.totalWeight))
        for choice in rule.backends {
            if ticket < choice.weight { return choice.backend }
            ticket -= choice.weight
        }
        return nil
    }

    private func chooseEndpoint(_ pools: [EndpointPool]) -> EndpointPool? {
        guard pools.count > 1 else { return pools.first }
        let first = Int(worker.random.next() % UInt64(pools.count))
        var second = Int(worker.random.next() % UInt64(pools.count - 1))
        if second >= first { second += 1 }
        // A retry goes elsewhere.
        if attempts > 0, pools[first] === pool { return pools[second] }
        if attempts > 0, pools[second] === pool { return pools[first] }
        return pools[first].requestsUnderWay <= pools[second].requestsUnderWay ? pools[first] : pools[second]
    }
}
