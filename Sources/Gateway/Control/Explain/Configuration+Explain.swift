import Foundation
import Policy
import Proxy
public import Routing

extension Configuration {
    /// What becomes of each document when it is served, in Gateway API's own words. References to what is not among the
    /// documents are left open.
    public func status() async -> [ObjectStatus] {
        var examined = self
        var found: [Diagnostic] = []
        _ = await examined.examine(&found, hasRemote: true)
        return examined.translate(missingReference: .warning).status
    }

    /// What the documents come to, for explaining: references to what is not among them are left open.
    ///
    /// - Returns: nil when there is no table; and what is wrong with the documents.
    public func explainer() async -> (explainer: Explainer?, errors: [Diagnostic]) {
        let resolution = await EndpointResolver(overrides: overrides).resolve(
            referencedServices.filter { service in overrides.contains { $0.serviceKey == service.serviceKey } })
        let translation = translate(endpoints: resolution.endpoints, missingReference: .warning)
        guard let table = translation.table else { return (nil, translation.errors) }
        var providers: [TokenVerifier.Provider] = []
        for settings in table.tokenProviders {
            // Without its keys the explanation says so.
            let keys = try? await keys(settings.keySet, at: Place(file: ""))
            providers.append(TokenVerifier.Provider(settings: settings, keys: keys))
        }
        let ready = providers
        let bound = Dictionary(listen.map { ($0.listener, $0.address.port) }) { _, last in last }
        let explainer = Explainer(table: table, boundPorts: bound) { token, provider in
            ready[provider].verify(Array(token.utf8), nowSeconds: Int64(Date().timeIntervalSince1970))
        }
        return (explainer, translation.errors)
    }
}

extension Explainer {
    /// For a configuration in use.
    init(
        table: RouteTable, boundPorts: [String: UInt16], verifier: any TokenVerifying,
        revocations: [RevocationSource?]
    ) {
        self.init(table: table, boundPorts: boundPorts) { token, provider in
            let result: Result<VerifiedToken, TokenRefusal> = await withCheckedContinuation { continuation in
                let isTaken = verifier.verify(Array(token.utf8), provider: provider) {
                    continuation.resume(returning: $0)
                }
                if !isTaken { continuation.resume(returning: .failure(.overloaded)) }
            }
            if case .success(let verified) = result, provider < revocations.count,
                revocations[provider]?.judge(verified).isRevoked == true
            {
                return .failure(.revoked)
            }
            return result
        }
    }
}
