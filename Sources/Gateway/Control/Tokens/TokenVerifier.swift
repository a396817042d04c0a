import Foundation
import JWTKit
public import Policy
public import Proxy
import Routing

/// Checks the tokens of one snapshot's token providers, on the tasks of a queue that outlives it.
///
/// The rules are those of RFC 7519 §7.2 and RFC 8725 §3: the algorithm must be one that the provider allows and the one
/// that the key is for, the key must be known by the token's `kid`, and only then are the claims looked at.
public final class TokenVerifier: TokenVerifying {
    /// A provider with its keys.
    struct Provider: Sendable {
        let settings: TokenProvider
        private let fixedKeys: KeySet?
        /// Where the keys come from, when they are fetched.
        let remote: RemoteKeySet?

        init(settings: TokenProvider, keys: KeySet?) {
            self.settings = settings
            fixedKeys = keys
            remote = nil
        }

        init(settings: TokenProvider, remote: RemoteKeySet) {
            self.settings = settings
            fixedKeys = nil
            self.remote = remote
        }

        /// Nil while they were never loaded.
        var keys: KeySet? { remote.map(\.keys) ?? fixedKeys }
    }

    private let providers: [Provider]
    private let queue: VerificationQueue

    /// The same providers in another verifier: what was verified by this one is not taken for verified any more.
    func renewed() -> TokenVerifier { TokenVerifier(providers: providers, queue: queue) }

    init(providers: [Provider], queue: VerificationQueue) {
        self.providers = providers
        self.queue = queue
    }

    public func verify(
        _ token: [UInt8], provider: Int,
        completion: @escaping @Sendable (Result<VerifiedToken, TokenRefusal>) -> Void
    ) -> Bool {
        queue.submit(
            VerificationQueue.Job(token: token, provider: providers[provider], completion: completion))
    }
}

extension TokenVerifier.Provider {
    /// The whole check of one token at a given time.
    func verify(_ token: [UInt8], nowSeconds: Int64) -> Result<VerifiedToken, TokenRefusal> {
        do throws(TokenRefusal) {
            let compact = try CompactToken(token)
            try checkSignature(compact)
            return .success(try checkClaims(compact.payload, nowSeconds: nowSeconds))
        } catch {
            return .failure(error)
        }
    }

    private func checkSignature(_ token: CompactToken) throws(TokenRefusal) {
        guard let algorithm = TokenProvider.Algorithm(rawValue: token.header.algorithm),
            settings.algorithms.contains(algorithm)
        else { throw .unsupportedAlgorithm }
        guard let keys else { throw .keysNotLoaded }
        guard let identifier = token.header.keyIdentifier, let key = keys.keys[identifier] else { throw .unknownKey }
        guard key.algorithm == algorithm else { throw .unsupportedAlgorithm }
        let isGenuine: Bool
        do {
            isGenuine = try key.verifier.verify(token.signature, signs: token.signedBytes)
        } catch {
            throw .badSignature  // not of the form that this algorithm's signatures have
        }
        guard isGenuine else { throw .badSignature }
    }

    private func checkClaims(_ payload: [UInt8], nowSeconds: Int64) throws(TokenRefusal) -> VerifiedToken {
        let claims: TokenClaims
        do {
            claims = try JSONDecoder().decode(TokenClaims.self, from: Data(payload))
        } catch {
            throw .malformed
        }
        guard claims.issuer == settings.issuer else { throw .wrongIssuer }
        guard claims.audiences.contains(where: settings.audiences.contains) else { throw .wrongAudience }
        let skew = Int64(settings.clockSkewSeconds)
        guard nowSeconds < claims.expiresAt + skew else { throw .expired }
        if let notBefore = claims.notBefore, nowSeconds + skew < notBefore { throw .notYetValid }
        let told = try identity(payload)
        let canBeRevoked = settings.revocations != nil
        return VerifiedToken(
            subject: claims.subject, scopes: claims.scopes, expiresAtSeconds: claims.expiresAt + skew,
            claims: told.claims, identity: told.fields, tokenID: canBeRevoked ? claims.identifier : nil,
            issuedAtMilliseconds: canBeRevoked ? claims.issuedAtMilliseconds : nil)
    }

    /// The claims that some policy asks for, and the fields that tell the backend of the caller.
    private func identity(
        _ payload: [UInt8]
    ) throws(TokenRefusal) -> (claims: [String: [String]], fields: [VerifiedToken.IdentityField]) {
        guard !settings.claims.isEmpty || !settings.claimsToHeaders.isEmpty else { return ([:], []) }
        let all: ClaimValue
        do {
            all = try JSONDecoder().decode(ClaimValue.self, from: Data(payload))
        } catch {
            throw .malformed
        }
        var claims: [String: [String]] = [:]
        for name in settings.claims { claims[name] = all.texts(at: name) }
        let fields = settings.claimsToHeaders.compactMap { mapping in
            let values = all.texts(at: mapping.claim)
            return values.isEmpty
                ? nil : VerifiedToken.IdentityField(name: mapping.header, value: values.joined(separator: ","))
        }
        return (claims, fields)
    }

    /// Whether the set of keys may be too old for this token, which names a key that is not in it.
    ///
    /// - Parameter again: called once when newer keys may be there.
    func awaitsKey(of token: [UInt8], then again: @escaping @Sendable () -> Void) -> Bool {
        guard let remote else { return false }
        let identifier: String?
        do throws(TokenRefusal) {
            identifier = try CompactToken(token).header.keyIdentifier
        } catch {
            return false
        }
        guard let identifier, identifier.utf8.count <= 256 else { return false }
        return remote.isMissing(identifier, then: again)
    }
}
