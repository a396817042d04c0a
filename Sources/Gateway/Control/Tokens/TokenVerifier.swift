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
        /// Nil while they were never loaded.
        let keys: KeySet?
    }

    private let providers: [Provider]
    private let queue: VerificationQueue

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
        return VerifiedToken(
            subject: claims.subject, scopes: claims.scopes, expiresAtSeconds: claims.expiresAt + skew)
    }
}
