import HTTPTypes
import ServiceKit

/// What verifiers of tokens read: the key set, the discovery document, the feed of revocations.
extension Routes {
    private static let after = QueryParameter.defaulted(
        "after", Shape.integer(0...Int64.max), "The `next` of the page before; 0 for the first one.", 0)

    var publicEndpoints: [Endpoint] { [keySet, discovery, revocations] }

    private var keySet: Endpoint {
        Endpoint(
            .get, "/identity/.well-known/jwks.json", "readKeySet", "The public keys of access tokens (RFC 7517)",
            access: .anyone, answers: [.json("A JSON Web Key set.")]
        ) { _ in
            let ring = try await resources.keys.ring()
            // Whoever reads it twice in the time for which a new key is published ahead knows every key in time.
            let seconds = resources.settings.schedule.publishAhead.components.seconds / 2
            return Reply(
                .ok, content: Array(ring.jwks.utf8), headers: [.cacheControl: "public, max-age=\(seconds)"])
        }
    }

    private var discovery: Endpoint {
        let issuer = resources.mint.requirements.issuer
        let base = resources.settings.publicAddress ?? issuer
        let document: JSONValue = [
            "issuer": .string(issuer),
            "jwks_uri": .string(base + "/identity/.well-known/jwks.json"),
            "token_endpoint": .string(base + "/identity/token"),
            "introspection_endpoint": .string(base + "/identity/introspect"),
            "revocation_endpoint": .string(base + "/identity/revoke"),
            "grant_types_supported": ["client_credentials", "refresh_token", .string(Self.apiKeyGrant)],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [.string(resources.settings.signingAlgorithm.rawValue)],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": .array((Grants.administratorScopes + ["identity:introspect"]).map(JSONValue.string)),
        ]
        let content = Array(document.text.utf8)
        return Endpoint(
            .get, "/identity/.well-known/openid-configuration", "readDiscovery",
            "Where what is (OpenID Connect Discovery §4, RFC 8414)", access: .anyone,
            answers: [.json("The discovery document.")]
        ) { _ in
            Reply(.ok, content: content, headers: [.cacheControl: "public, max-age=3600"])
        }
    }

    private static let pageSize = 1_000

    /// Not under `/identity`, which is all that the gateway routes: this is for the inside.
    private var revocations: Endpoint {
        Endpoint(
            .get, "/revocations", "readRevocations",
            "Tokens that ended before their time, for whoever checks tokens; only inside", parameters: [Self.after],
            access: .anyone, answers: [.json("Revocations, and the position to ask for next.")]
        ) { call in
            let (entries, end) = try await resources.store.revocations(
                after: call[Self.after], count: Self.pageSize, in: resources.database)
            // Entries that expired are left out, so that only a full page says where it ends.
            let next = entries.count == Self.pageSize ? entries.last?.position ?? end : end
            return Self.unstored([
                "revocations": .array(entries.map(\.json)), "next": .number(String(next)),
            ])
        }
    }
}

extension Revocation {
    var json: JSONValue {
        let position = JSONValue.number(String(position))
        let end = JSONValue.string("\(expiresAt)")
        return switch kind {
        case .subject(let subject, let issuedBefore):
            [
                "position": position, "subject": .string(subject), "issued_before": .string("\(issuedBefore)"),
                "expires_at": end,
            ]
        case .token(let id): ["position": position, "token": .string(id), "expires_at": end]
        }
    }
}
