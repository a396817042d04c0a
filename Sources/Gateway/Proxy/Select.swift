import Policy
import Reactor
import Routing
import Wire

/// Phase 6: which backend, which endpoint? Backends by weight; endpoints as the backend's settings say.
extension Exchange {
    func select() {
        guard let rule else { return refuse(.routeUnresolved) }
        if let persistence = rule.persistence, let (choice, pool) = rememberedEndpoint(persistence, of: rule) {
            begin(with: choice, rule)
            self.pool = pool
            return forward(to: pool)
        }
        guard let choice = chooseBackend(rule) else { return refuse(.routeUnresolved) }
        begin(with: choice, rule)
        selectEndpoint()
    }

    private func begin(with choice: WeightedBackend, _ rule: RouteRule) {
        let state = configuration.backends[choice.backend.index]
        backend = state
        backendFilters = choice.filters
        state.requestBegan()
        if let filters = rule.filters, !filters.mirrors.isEmpty { mirror(to: filters.mirrors) }
    }

    /// Also for another attempt.
    func selectEndpoint() {
        guard let backend, let pool = backend.choose(for: self) else {
            let hasSome = backend?.endpoints.isEmpty == false
            return refuse(hasSome ? .noHealthyEndpoint : .noEndpoint)
        }
        self.pool = pool
        forward(to: pool)
    }

    /// The endpoint it waited for is not to be used now.
    func goElsewhere() {
        guard phase == .queued else { return }
        attempts -= 1
        selectEndpoint()
    }

    private func chooseBackend(_ rule: RouteRule) -> WeightedBackend? {
        if rule.backends.count == 1, rule.unresolvedWeight == 0 { return rule.backends[0] }
        guard rule.totalWeight > 0 else { return nil }
        var ticket = Int(worker.random.next() % UInt64(rule.totalWeight))
        for choice in rule.backends {
            if ticket < choice.weight { return choice }
            ticket -= choice.weight
        }
        return nil
    }

    // MARK: - Consistent hash

    /// Nil when the request does not have what is to be hashed.
    func hash(of key: LoadBalancing.HashKey) -> UInt64? {
        switch key {
        case .sourceAddress:
            guard let address = connection?.peerText else { return nil }
            return ConsistentHash.hash(address.span)
        case .header(let name): return hash(ofField: Array(name.utf8))
        case .cookie(let name): return hash(ofCookie: Array(name.utf8))
        }
    }

    private func hash(ofField name: [UInt8]) -> UInt64? {
        for index in request.headers.indices where !request.headers.isRemoved(at: index) {
            let isNamed = request.headers.withName(at: index) { $0.count == name.count && Self.begins($0, with: name) }
            guard isNamed else { continue }
            return request.headers.withValue(at: index) { ConsistentHash.hash($0) }
        }
        return nil
    }

    private func hash(ofCookie name: [UInt8]) -> UInt64? { withCookie(name) { ConsistentHash.hash($0) } }

    /// Gives the value of the first cookie of this name; nil when there is none.
    ///
    /// RFC 6265 §4.2.1: pairs separated by "; ", in HTTP/2 also in several fields (RFC 9113 §8.2.3).
    func withCookie<R>(_ name: [UInt8], _ body: (Span<UInt8>) -> R) -> R? {
        for index in request.headers.indices where !request.headers.isRemoved(at: index) {
            guard request.headers.nameEquals(at: index, "cookie") else { continue }
            let found = request.headers.withValue(at: index) { Self.cookie(name, in: $0, body) }
            if let found { return found }
        }
        return nil
    }

    private static func cookie<R>(_ name: [UInt8], in value: Span<UInt8>, _ body: (Span<UInt8>) -> R) -> R? {
        var start = 0
        while start < value.count {
            while start < value.count && value[start] == UInt8(ascii: " ") { start += 1 }
            var end = start
            while end < value.count && value[end] != UInt8(ascii: ";") { end += 1 }
            let pair = value.extracting(start..<end)
            if pair.count > name.count, pair[name.count] == UInt8(ascii: "="), begins(pair, with: name) {
                return body(pair.extracting((name.count + 1)..<pair.count))
            }
            start = end + 1
        }
        return nil
    }

    /// Byte for byte: field names are in lower case here, and the names of cookies are case-sensitive.
    private static func begins(_ bytes: Span<UInt8>, with name: [UInt8]) -> Bool {
        for index in name.indices where bytes[index] != name[index] { return false }
        return true
    }
}
