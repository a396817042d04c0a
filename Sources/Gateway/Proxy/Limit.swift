import Policy
import Reactor
import Routing
import Wire

/// Phase 4: is it too much? Too many requests of its kind, or one that is too large: a body whose length is known to be over
/// the limit is refused before a byte of it is read.
extension Exchange {
    func limit() {
        if let policies = rule?.policies {
            if !policies.rateLimits.isEmpty, let seconds = charge(policies.rateLimits) {
                return refuse(.rateLimited(retryAfterSeconds: seconds))
            }
            if let most = policies.requestHeaderBytes, request.headers.byteCount > most { return refuse(.headTooLarge) }
        }
        let most = bodyLimit
        if case .length(let length) = request.framing, length > most { return refuse(.bodyTooLarge) }
        if requestBytes > most { return refuse(.bodyTooLarge) }
        gather()
    }

    /// The largest body that the request may have.
    var bodyLimit: UInt64 { rule?.policies?.requestBodyBytes ?? limits.requestBodyBytes }

    // MARK: - Rate limits

    /// Takes a token of each limit, or of none: when one refuses, those before it get theirs back.
    ///
    /// - Returns: the seconds to wait, when one refuses.
    private func charge(_ limits: [Int]) -> Int? {
        // Held here, or each access would copy the list.
        let limiters = configuration.snapshot.rateLimiters
        let now = worker.loop.now
        for (number, place) in limits.enumerated() {
            let limiter = limiters[place]
            let verdict = limiter.table.take(key(of: limiter), now: now)
            limiter.count(verdict.isAllowed)
            if limiter.limit.isShadow { continue }
            let next = ChargedLimit(limiter: limiter, verdict: verdict)
            if !verdict.isAllowed {
                for earlier in limits[..<number] where !limiters[earlier].limit.isShadow {
                    limiters[earlier].table.giveBack(key(of: limiters[earlier]))
                }
                charged = limiter.limit.tellsClients ? next : nil
                return max(1, Int((verdict.untilNext + 999_999_999) / 1_000_000_000))
            }
            if limiter.limit.tellsClients, charged.map({ next.left < $0.left }) ?? true { charged = next }
        }
        return nil
    }

    private func key(of limiter: RateLimiter) -> RateLimitKey {
        var key = limiter.table.key()
        for part in limiter.parts {
            switch part {
            case .clientAddress:
                let address = clientWords ?? (high: 0, low: 0)
                let words = ClientNetwork(high: address.high, low: address.low).words
                key.add(words.high, words.low)
            case .subject: Self.add(token?.subject ?? "", to: &key)
            case .consumer: Self.add(token?.isConsumer == true ? token?.subject ?? "" : "", to: &key)
            case .route: Self.add(rule?.routeName ?? "", to: &key)
            case .rule:
                Self.add(rule?.routeName ?? "", to: &key)
                Self.add(rule?.ruleName ?? "", to: &key)
            case .header(let name): add(field: name, to: &key)
            }
        }
        return key
    }

    private static func add(_ text: String, to key: inout RateLimitKey) { key.add(text.utf8.span) }

    /// The first field of this name; none is as good as an empty one.
    private func add(field name: [UInt8], to key: inout RateLimitKey) {
        for index in request.headers.indices where !request.headers.isRemoved(at: index) {
            guard request.headers.withName(at: index, { $0.equals(name) }) else { continue }
            return request.headers.withValue(at: index) { key.add($0) }
        }
        key.add([])
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): every limit that was asked, and what is
    /// left of the one that is nearest to its end.
    func tellLimits(_ charged: ChargedLimit) {
        guard let policies = rule?.policies else { return }
        if policies.rateLimits.count == 1 {
            response.headers.append(own: "ratelimit-policy", charged.limiter.policyText)
        } else {
            response.headers.append(own: "ratelimit-policy", allPolicies(policies.rateLimits))
        }
        let (verdict, name) = (charged.verdict, charged.limiter.nameText)
        let seconds = ((verdict.isAllowed ? verdict.untilFull : verdict.untilNext) + 999_999_999) / 1_000_000_000
        let count = name.count + 6 + ByteWriter.digitCount(verdict.remaining) + ByteWriter.digitCount(seconds)
        // Another value each time: a table of fields that were sent before would be filled with them.
        response.headers.append(own: "ratelimit", count: count, flags: .neverIndexed) { text in
            text.append(bytes: name)
            text.append(literal: ";r=")
            text.append(decimal: verdict.remaining)
            text.append(literal: ";t=")
            text.append(decimal: seconds)
        }
    }

    private func allPolicies(_ places: [Int]) -> [UInt8] {
        let limiters = configuration.snapshot.rateLimiters
        var text: [UInt8] = []
        for place in places where limiters[place].limit.tellsClients && !limiters[place].limit.isShadow {
            if !text.isEmpty { text.append(literal: ", ") }
            text += limiters[place].policyText
        }
        return text
    }
}
