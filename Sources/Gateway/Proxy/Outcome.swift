/// How a request ended, as seen by the gateway. One name for each way, in the access log and in the metrics.
public enum Outcome: String, Sendable, CaseIterable {
    /// The response of an endpoint was forwarded whole.
    case forwarded
    /// The route answers with a redirect.
    case redirected
    /// The route's CORS filter answered a browser that asked before it sends the request itself.
    case preflight
    case malformedRequest
    case headTooLarge
    case ambiguousTarget
    case noRoute
    case misdirected
    case tokenMissing
    case tokenRefused
    /// The issuer took the token back before it expired.
    case tokenRevoked
    case tokenKeysNotLoaded
    case verificationOverloaded
    /// The API key is nobody's.
    case apiKeyRefused
    case scopeMissing
    /// The token has not the claims that the rule asks for.
    case claimMissing
    /// From this address, or with these claims, the rule is not to be called.
    case accessDenied
    /// Too many requests of its kind.
    case rateLimited
    case bodyTooLarge
    /// The head did not come to its end in time.
    case requestHeadTimeout
    /// The body came too slowly, or stopped.
    case requestBodyTimeout
    /// The worker holds as much as it may, and takes no request until some are done.
    case overloaded
    /// The route leads to a backend, or needs a filter or a policy, that its documents do not resolve.
    case routeUnresolved
    case noEndpoint
    /// The endpoint's HTTP/2 has no extended CONNECT, and the request asked for a tunnel.
    case tunnelRefused
    case connectFailed
    case connectTimeout
    case poolExhausted
    /// The endpoint closed the connection before its response began.
    case upstreamClosed
    /// What the endpoint sent is not HTTP, or ambiguous.
    case upstreamMalformed
    /// The response broke off after it began; the client saw it cut.
    case responseTruncated
    case responseTimeout
    case clientClosed
    /// The client stopped taking the response; its stream was reset.
    case clientStalled
    case internalError
    /// The request waited too long for a connection to the endpoint.
    case pendingTimeout
    /// The endpoint's certificate was not accepted, or the TLS handshake with it failed.
    case upstreamTLSFailed
    /// The response stopped coming; the client saw it cut.
    case streamIdleTimeout
    /// The whole request took longer than its route allows (HTTPRoute `timeouts.request`).
    case deadlineExceeded
    /// Every endpoint is unwell or left alone.
    case noHealthyEndpoint
    /// The attempt took longer than its route allows (HTTPRoute `timeouts.backendRequest`).
    case attemptTimeout
    /// We had no descriptor, port or memory left to reach the endpoint: it says nothing about the endpoint.
    case localExhaustion
    /// A drain's deadline passed, and the gateway ended what was still under way.
    case drainDeadline
}
