/// What one policy says of `TrafficSettings`: the fields that it states, and no others.
public struct TrafficChanges: Sendable {
    private typealias Path<Value> = WritableKeyPath<TrafficSettings, Value> & Sendable

    private var changes: [@Sendable (inout TrafficSettings) -> Void] = []

    /// Whether the policy says nothing of backends.
    public var isEmpty: Bool { changes.isEmpty }

    public func apply(to settings: inout TrafficSettings) {
        for change in changes { change(&settings) }
    }

    /// Reads the sections that say how backends are used.
    init(_ spec: inout ObjectReader) {
        if let section = spec.object("loadBalancing") { readLoadBalancing(section) }
        if let section = spec.object("connections") { readConnections(section) }
        if let section = spec.object("timeouts") { readTimeouts(section) }
        if let section = spec.object("retries") { readRetries(section) }
        if let section = spec.object("outlierDetection") { readOutliers(section) }
        if let section = spec.object("healthCheck") { readHealthCheck(section) }
    }

    private mutating func set<Value: Sendable>(_ path: any Path<Value>, _ found: Located<Value>?) {
        guard let value = found?.value else { return }
        changes.append { $0[keyPath: path] = value }
    }

    // MARK: - Sections

    private mutating func readLoadBalancing(_ section: ObjectReader) {
        var section = section
        let names = ["LeastRequests", "RoundRobin", "ConsistentHash"]
        let algorithm = section.choice("algorithm", of: names)
        let hash = section.object("hash")
        set(\.loadBalancing.slowStartMilliseconds, section.duration("slowStart", in: 0...3_600_000))
        section.finish()
        switch algorithm?.value {
        case "LeastRequests": changes.append { $0.loadBalancing.algorithm = .leastRequests }
        case "RoundRobin": changes.append { $0.loadBalancing.algorithm = .roundRobin }
        case "ConsistentHash":
            guard let hash else {
                section.sink.error(at: section.place.field("hash"), "is required for ConsistentHash")
                return
            }
            guard let key = Self.hashKey(hash) else { return }
            changes.append { $0.loadBalancing.algorithm = .consistentHash(key) }
            return
        default: break
        }
        if let hash { section.sink.error(at: hash.place, "is only for ConsistentHash") }
    }

    private static func hashKey(_ object: ObjectReader) -> LoadBalancing.HashKey? {
        var object = object
        let header = object.string("header")
        let cookie = object.string("cookie")
        let source = object.bool("sourceAddress")
        object.finish()
        for name in [header, cookie].compactMap(\.self) where !Syntax.isToken(name.value) {
            object.sink.error(at: name.place, "must be a token (RFC 9110 §5.6.2)")
        }
        switch (header, cookie, source?.value) {
        case (let header?, nil, nil): return .header(header.value.lowercased())
        case (nil, let cookie?, nil): return .cookie(cookie.value)
        case (nil, nil, true): return .sourceAddress
        default:
            object.sink.error(at: object.place, "needs exactly one of header, cookie and sourceAddress: true")
            return nil
        }
    }

    private mutating func readConnections(_ section: ObjectReader) {
        var section = section
        set(\.pool.maximumConnections, section.integer("maximum", in: 1...100_000))
        set(\.pool.maximumMultiplexedConnections, section.integer("maximumMultiplexed", in: 1...1_000))
        set(\.pool.maximumPendingRequests, section.integer("maximumPendingRequests", in: 0...1_000_000))
        set(\.pool.pendingTimeoutMilliseconds, section.duration("pendingTimeout", in: 1...600_000))
        set(\.pool.maximumRequestsPerConnection, section.integer("maximumRequests", in: 0...1_000_000_000))
        set(\.pool.idleTimeoutMilliseconds, section.duration("idleTimeout", in: 100...86_400_000))
        section.finish()
    }

    private mutating func readTimeouts(_ section: ObjectReader) {
        var section = section
        set(\.timeouts.connectMilliseconds, section.duration("connect", in: 1...600_000))
        set(\.timeouts.responseHeadMilliseconds, section.duration("responseHead", in: 1...86_400_000))
        set(\.timeouts.streamIdleMilliseconds, section.duration("streamIdle", in: 1...86_400_000))
        section.finish()
    }

    private mutating func readRetries(_ section: ObjectReader) {
        var section = section
        set(\.retries.maximumRetries, section.integer("attempts", in: 0...10))
        set(\.retries.statuses, section.statuses("statuses"))
        let backoff = section.duration("backoff", in: 0...60_000)
        let maximum = section.duration("maximumBackoff", in: 0...600_000)
        if let backoff, let maximum, maximum.value < backoff.value {
            section.sink.error(at: maximum.place, "must not be shorter than backoff")
        }
        set(\.retries.backoffMilliseconds, backoff)
        set(\.retries.maximumBackoffMilliseconds, maximum)
        if var budget = section.object("budget") {
            set(\.retries.budgetPercent, budget.integer("percent", in: 0...100))
            set(\.retries.budgetMinimumPerSecond, budget.integer("minimumPerSecond", in: 0...1_000_000))
            budget.finish()
        }
        section.finish()
    }

    private mutating func readOutliers(_ section: ObjectReader) {
        var section = section
        set(\.outliers.consecutiveFailures, section.integer("consecutiveFailures", in: 0...1_000))
        set(\.outliers.failurePercent, section.integer("failurePercent", in: 0...100))
        set(\.outliers.failurePercentMinimumRequests, section.integer("minimumRequests", in: 1...1_000_000))
        set(\.outliers.intervalMilliseconds, section.duration("interval", in: 100...3_600_000))
        let base = section.duration("baseEjection", in: 100...86_400_000)
        let maximum = section.duration("maximumEjection", in: 100...86_400_000)
        if let base, let maximum, maximum.value < base.value {
            section.sink.error(at: maximum.place, "must not be shorter than baseEjection")
        }
        set(\.outliers.baseEjectionMilliseconds, base)
        set(\.outliers.maximumEjectionMilliseconds, maximum)
        set(\.outliers.maximumEjectedPercent, section.integer("maximumEjectedPercent", in: 0...100))
        set(\.outliers.panicThresholdPercent, section.integer("panicThresholdPercent", in: 0...100))
        section.finish()
    }

    /// The nearest policy's health check replaces a farther one's whole.
    private mutating func readHealthCheck(_ section: ObjectReader) {
        var section = section
        let path = section.string("path", required: true)
        var check = HealthCheckSettings(path: path?.value ?? "/")
        if let path, !Syntax.isOriginForm(path.value) {
            section.sink.error(at: path.place, "must be a path in origin form, such as /healthz (RFC 9112 §3.2.1)")
        }
        check.host = section.hostname("host")?.value.description
        check.intervalMilliseconds = section.duration("interval", in: 100...3_600_000)?.value ?? 5_000
        check.timeoutMilliseconds = section.duration("timeout", in: 10...600_000)?.value ?? 1_000
        check.healthyThreshold = section.integer("healthyThreshold", in: 1...100)?.value ?? 2
        check.unhealthyThreshold = section.integer("unhealthyThreshold", in: 1...100)?.value ?? 3
        section.finish()
        if check.timeoutMilliseconds > check.intervalMilliseconds {
            section.sink.error(at: section.place.field("timeout"), "must not be longer than interval")
        }
        let found = check
        changes.append { $0.healthCheck = found }
    }
}

extension ObjectReader {
    /// Statuses of failed responses, 400 to 599, each once.
    mutating func statuses(_ name: String) -> Located<[UInt16]>? {
        guard let entries = list(name) else { return nil }
        var statuses: [UInt16] = []
        for entry in entries {
            guard case .integer(let number) = entry.value.content, (400...599).contains(number) else {
                sink.error(at: entry.place, "must be a status from 400 to 599")
                continue
            }
            if statuses.contains(UInt16(number)) { sink.error(at: entry.place, "is in the list already") }
            statuses.append(UInt16(number))
        }
        return Located(statuses, at: place.field(name))
    }

    /// A duration of GEP-2257 in milliseconds.
    mutating func duration(_ name: String, in range: ClosedRange<Int> = 0...Int.max) -> Located<Int>? {
        guard let text = string(name) else { return nil }
        guard let milliseconds = Syntax.milliseconds(text.value) else {
            sink.error(at: text.place, "must be a duration such as 500ms, 10s or 1m30s, not \"\(text.value)\"")
            return nil
        }
        guard range.contains(milliseconds) else {
            let (least, most) = (Syntax.duration(range.lowerBound), Syntax.duration(range.upperBound))
            sink.error(at: text.place, "must be \(least)…\(most), not \(text.value)")
            return nil
        }
        return Located(milliseconds, at: text.place)
    }
}
