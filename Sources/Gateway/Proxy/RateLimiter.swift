import Policy
public import Routing
import Synchronization

/// One rate limit at work: its buckets, shared by all workers, and what it did so far.
public final class RateLimiter: Sendable {
    /// What tells requests apart, ready to be looked up.
    enum KeyPart {
        case clientAddress, subject, consumer, route, rule
        case header([UInt8])
    }

    public let limit: RateLimit
    let parts: [KeyPart]
    let table: BucketTable
    /// What `RateLimit-Policy` says of it: `"name";q=100;w=60`.
    let policyText: [UInt8]
    /// `"name"`.
    let nameText: [UInt8]
    private let allowed = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    init(_ limit: RateLimit) {
        self.limit = limit
        parts = limit.key.map { part in
            switch part {
            case .clientAddress: .clientAddress
            case .subject: .subject
            case .consumer: .consumer
            case .route: .route
            case .rule: .rule
            case .header(let name): .header(Array(name.utf8))
            }
        }
        var system = SystemRandomNumberGenerator()
        table = BucketTable(
            TokenBucket(
                requests: limit.requests, periodMilliseconds: limit.periodMilliseconds, burst: limit.burst),
            capacity: limit.key.isEmpty ? 8 : limit.maximumKeys, key: (system.next(), system.next()))
        nameText = Array("\"\(limit.name)\"".utf8)
        let window = max(1, (limit.periodMilliseconds + 999) / 1000)
        policyText = nameText + Array(";q=\(limit.requests);w=\(window)".utf8)
    }

    /// The limiters of a table; those that were there before go on with what they know.
    static func limiters(of routes: RouteTable, keeping previous: [RateLimiter]) -> [RateLimiter] {
        routes.rateLimits.map { limit in previous.first { $0.limit == limit } ?? RateLimiter(limit) }
    }

    /// Requests that it let through, and that it refused; of a shadow those that it would have refused.
    public var counts: (allowed: UInt64, refused: UInt64) {
        (allowed.load(ordering: .relaxed), refused.load(ordering: .relaxed))
    }

    /// Buckets that had to go before they were full.
    public var evictions: UInt64 { table.evictions }

    func count(_ isAllowed: Bool) {
        if isAllowed {
            allowed.wrappingAdd(1, ordering: .relaxed)
        } else {
            refused.wrappingAdd(1, ordering: .relaxed)
        }
    }
}

/// What one request left of the limit that is nearest to its end.
struct ChargedLimit {
    let limiter: RateLimiter
    let verdict: TokenBucket.Verdict

    /// Less is nearer to the end.
    var left: Double { Double(verdict.remaining) / Double(max(1, limiter.limit.burst)) }
}
