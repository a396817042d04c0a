import Foundation
import Proxy
import Routing

extension GatewayMetrics {
    static func keySets(_ all: [RemoteKeySet.Figures], _ page: inout MetricsPage) {
        let sets = merged(all, by: \.uri) { merged, next in
            merged.fetches += next.fetches
            merged.failures += next.failures
            merged.loadedAt = earlier(merged.loadedAt, next.loadedAt)
        }
        page.family("token_key_set_fetches_total", "counter", "Fetches of key sets, by what came of them.")
        for set in sets {
            let loaded = set.fetches - min(set.fetches, set.failures)
            page.sample("token_key_set_fetches_total", [("uri", set.uri), ("result", "loaded")], loaded)
            page.sample("token_key_set_fetches_total", [("uri", set.uri), ("result", "failed")], set.failures)
        }
        page.family(
            "token_key_set_loaded_time_seconds", "gauge",
            "When a key set was last fetched, in seconds since 1970; 0: never.")
        for set in sets {
            page.sample(
                "token_key_set_loaded_time_seconds", [("uri", set.uri)], UInt64(clamping: set.loadedAt ?? 0))
        }
    }

    static func revocations(_ all: [RevocationFeed.Figures], _ page: inout MetricsPage) {
        let feeds = merged(all, by: \.uri) { merged, next in
            merged.polls += next.polls
            merged.failures += next.failures
            merged.unreadable += next.unreadable
            merged.answeredAt = earlier(merged.answeredAt, next.answeredAt)
            merged.entries = max(merged.entries, next.entries)
            merged.isOverfull = merged.isOverfull || next.isOverfull
        }
        page.family("token_revocation_polls_total", "counter", "Pages of revocation feeds, by what came of asking.")
        for feed in feeds {
            let answered = feed.polls - min(feed.polls, feed.failures)
            page.sample("token_revocation_polls_total", [("uri", feed.uri), ("result", "answered")], answered)
            page.sample("token_revocation_polls_total", [("uri", feed.uri), ("result", "failed")], feed.failures)
        }
        page.family(
            "token_revocation_answered_time_seconds", "gauge",
            "When a revocation feed last answered, in seconds since 1970; 0: never.")
        for feed in feeds {
            page.sample(
                "token_revocation_answered_time_seconds", [("uri", feed.uri)], UInt64(clamping: feed.answeredAt ?? 0))
        }
        page.family("token_revocations", "gauge", "Revocations that are in force.")
        for feed in feeds { page.sample("token_revocations", [("uri", feed.uri)], UInt64(feed.entries)) }
        page.family(
            "token_revocations_overfull", "gauge",
            "1 when more was revoked than is kept, so that tokens are refused that nobody revoked.")
        for feed in feeds {
            page.sample("token_revocations_overfull", [("uri", feed.uri)], feed.isOverfull ? 1 : 0)
        }
        page.family(
            "token_revocations_unreadable_total", "counter", "Entries of revocation feeds that could not be read.")
        for feed in feeds {
            page.sample("token_revocations_unreadable_total", [("uri", feed.uri)], feed.unreadable)
        }
    }

    /// One for each address: policies that name it with other settings ask it each on their own, and a series must not come
    /// twice.
    ///
    /// - Parameter all: those of one address side by side.
    private static func merged<Figures>(
        _ all: [Figures], by uri: KeyPath<Figures, String>, _ merge: (inout Figures, Figures) -> Void
    ) -> [Figures] {
        all.reduce(into: []) { merged, next in
            if let last = merged.indices.last, merged[last][keyPath: uri] == next[keyPath: uri] {
                merge(&merged[last], next)
            } else {
                merged.append(next)
            }
        }
    }

    private static func earlier(_ one: Int64?, _ other: Int64?) -> Int64? {
        if let one, let other { min(one, other) } else { nil }
    }

    static func rateLimits(_ limiters: [RateLimiter], _ page: inout MetricsPage) {
        page.family(
            "rate_limit_requests_total", "counter",
            "Requests that a limit let through or refused; in shadow mode: would have refused.")
        for limiter in limiters {
            let labels = [("policy", limiter.limit.policy), ("limit", limiter.limit.name)]
            let counts = limiter.counts
            page.sample("rate_limit_requests_total", labels + [("result", "allowed")], counts.allowed)
            page.sample(
                "rate_limit_requests_total", labels + [("result", limiter.limit.isShadow ? "shadow" : "limited")],
                counts.refused)
        }
        page.family(
            "rate_limit_evictions_total", "counter",
            "Buckets that were given up before they were full, for want of room: maximumKeys is too small.")
        for limiter in limiters {
            page.sample(
                "rate_limit_evictions_total", [("policy", limiter.limit.policy), ("limit", limiter.limit.name)],
                limiter.evictions)
        }
    }
}
