import Policy
import Reactor
import Routing
import Wire

/// Phase 2: who is asking? An API key, looked up by its digest; or a bearer token (RFC 6750 §2.1), verified off the loop the
/// first time it is seen.
extension Exchange {
    func identify(_ rule: RouteRule) {
        guard let authentication = rule.authentication else { return limit() }
        if let keys = authentication.apiKeys,
            let caller = request.takeCaller(
                knownBy: configuration.snapshot.apiKeys[keys], scratch: &worker.targetScratch)
        {
            guard let caller else { return refuse(.apiKeyRefused) }
            token = caller
            return authorize(authentication)
        }
        guard let provider = authentication.provider else {
            return authentication.anonymousAllowed ? authorize(authentication) : refuse(.apiKeyMissing)
        }
        if authentication.anonymousAllowed && !request.headers.meansBearerToken { return authorize(authentication) }
        let revocations = configuration.snapshot.revocations(of: provider)
        var known: TokenCache.Finding?
        let isThere: Bool? = request.headers.withBearerCredentials { token in
            known = worker.tokens.find(
                token, provider: provider, nowSeconds: worker.loop.wallMilliseconds / 1000, revocations: revocations)
            return true
        }
        guard isThere != nil else { return refuse(.tokenMissing) }
        switch known {
        case .verified(let verified)?:
            worker.counters.tokenCacheHits.add()
            token = verified
            return authorize(authentication)
        case .revoked(let verified)?:
            worker.counters.tokenCacheHits.add()
            // The log names whose it was.
            token = verified
            return refuse(.tokenRevoked)
        case nil: break
        }
        let refused = request.headers.withBearerToken { token in
            worker.refusedTokens.find(token, provider: provider, nowSeconds: worker.loop.wallMilliseconds / 1000)
        }
        guard let refused else { return refuse(.tokenMissing) }
        worker.counters.tokenCacheMisses.add()
        if let refused { return refuseToken(refused) }
        verify(provider: provider)
    }

    /// Whether the rule may be called from the client's address at all: asked before anything else of it is done.
    func admitsAddress(_ rule: RouteRule) -> Bool {
        guard let access = rule.policies?.access else { return true }
        guard let address = clientWords else { return false }
        return access.admits(high: address.high, low: address.low)
    }

    private func verify(provider: Int) {
        guard let connection = downstream?.connection else { return refuse(.internalError) }
        guard !connection.verifications.isFull(limits) else {
            verificationTicket = connection.verifications.wait(self)
            phase = .verifying
            return armTimer()
        }
        let token = request.headers.withBearerToken { token in
            var bytes: [UInt8] = []
            bytes.append(bytes: token)
            return bytes
        }
        guard let token, worker.verifyLater(token, provider: provider, for: self, on: connection) else {
            return refuse(.verificationOverloaded)
        }
        phase = .verifying
        armTimer()
    }

    /// Its turn has come, and perhaps its token is known meanwhile.
    func identifyAgain() {
        verificationTicket = nil
        guard phase == .verifying, let rule else { return }
        identify(rule)
    }

    /// The verifier has answered.
    func verified(_ result: Result<VerifiedToken, TokenRefusal>) {
        guard phase == .verifying, let authentication = rule?.authentication else { return }
        switch result {
        case .success(let verified):
            token = verified
            if let provider = authentication.provider,
                configuration.snapshot.revocations(of: provider)?.judge(verified).isRevoked == true
            {
                return refuse(.tokenRevoked)
            }
            authorize(authentication)
        case .failure(let refusal): refuseToken(refusal)
        }
    }

    private func refuseToken(_ refusal: TokenRefusal) {
        switch refusal {
        case .keysNotLoaded: refuse(.keysNotLoaded)
        case .overloaded: refuse(.verificationOverloaded)
        case .expired: refuse(.tokenExpired)
        case .revoked: refuse(.tokenRevoked)
        default: refuse(.tokenInvalid)
        }
    }
}
