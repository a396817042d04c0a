import Policy
import Reactor
import Routing
import Wire

/// Session persistence: a client that shows our cookie goes where it went before, as long as that endpoint is well.
extension Exchange {
    /// The backend and endpoint that the client's cookie names; nil when it shows none of ours, its time is over, or the
    /// endpoint is gone or unwell.
    func rememberedEndpoint(_ persistence: SessionPersistence, of rule: RouteRule) -> (WeightedBackend, EndpointPool)? {
        let key = SipHash(key: (persistence.key.high, persistence.key.low))
        let found: SessionCookie?? = withCookie(Array(persistence.name.utf8)) { SessionCookie($0, key: key) }
        guard let shown = found ?? nil else { return nil }
        let now = UInt32(truncatingIfNeeded: worker.loop.wallMilliseconds / 1_000)
        if shown.endSeconds != 0, shown.endSeconds <= now { return nil }
        for choice in rule.backends {
            for pool in configuration.backends[choice.backend.index].usableEndpoints
            where SessionCookie.name(of: pool.sessionText, key: key) == shown.endpoint {
                session = shown
                return (choice, pool)
            }
        }
        return nil
    }

    /// Gives the client a cookie for the endpoint that served it, unless it has one.
    func rememberEndpoint(_ persistence: SessionPersistence) {
        guard let pool else { return }
        let key = SipHash(key: (persistence.key.high, persistence.key.low))
        let name = SessionCookie.name(of: pool.sessionText, key: key)
        if let session, session.endpoint == name { return }
        let now = worker.loop.wallMilliseconds / 1_000
        let end = persistence.absoluteTimeoutSeconds.map { UInt32(truncatingIfNeeded: now + Int64($0)) }
        let made = SessionCookie(endpoint: name, endSeconds: end ?? 0)
        var cookie = Array(persistence.name.utf8)
        cookie.append(UInt8(ascii: "="))
        cookie += made.text(key: key)
        cookie.append(literal: "; Path=/; HttpOnly; SameSite=Lax")
        if downstream?.connection.isTLS == true { cookie.append(literal: "; Secure") }
        if persistence.isPermanent, let seconds = persistence.absoluteTimeoutSeconds {
            cookie.append(literal: "; Max-Age=")
            cookie.append(decimal: UInt64(seconds))
        }
        response.headers.append("set-cookie", cookie, flags: .neverIndexed)
    }
}
