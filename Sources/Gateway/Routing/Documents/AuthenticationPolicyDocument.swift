/// Our `AuthenticationPolicy` (`gatehouse.dev/v1alpha1`): who may call, attached as in GEP-713.
///
/// Of several policies on the way to a rule the nearest wins: rule, then route, then Gateway. `anonymous` is always the
/// nearest policy's; `jwt`, `apiKeys`, `requiredScopes` and `requiredClaims` are those of the nearest policy that states
/// them, so that a policy for a rule can name scopes and leave the issuer to the Gateway's.
public struct AuthenticationPolicyDocument: Sendable, RulePolicyDocument {
    static let kind = "AuthenticationPolicy"

    public struct Tokens: Sendable {
        public let issuer: String
        public let audiences: [String]
        public let algorithms: [TokenProvider.Algorithm]
        public let clockSkewSeconds: Int
        public let keySet: Located<TokenProvider.KeySetReference>
        public let revocations: Located<TokenProvider.RevocationFeed>?
        public let claimsToHeaders: [TokenProvider.ClaimHeader]
    }

    public struct APIKeys: Sendable {
        public let secret: ObjectReference
        /// In lower case.
        public let header: String
        public let queryParameter: String?
    }

    public let metadata: Metadata
    public let targets: [RulePolicyTarget]
    let hasLostTargets: Bool
    public let tokens: Tokens?
    public let apiKeys: APIKeys?
    public let requiredScopes: [String]?
    public let requiredClaims: [ClaimCondition]?
    public let isAnonymous: Bool

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        (targets, hasLostTargets) = spec.ruleTargets(namespace: metadata.namespace)
        tokens = spec.object("jwt").flatMap { Tokens($0, namespace: metadata.namespace) }
        apiKeys = spec.object("apiKeys").flatMap { APIKeys($0, namespace: metadata.namespace) }
        let scopes = spec.strings("requiredScopes")
        for scope in scopes ?? [] where !Syntax.isScope(scope.value) {
            spec.sink.error(at: scope.place, "must be a scope of RFC 6749 §3.3: visible characters, no space")
        }
        requiredScopes = scopes?.map(\.value)
        requiredClaims = spec.claimConditions("requiredClaims")
        let anonymous = spec.bool("anonymous")
        isAnonymous = anonymous?.value ?? false
        spec.finish()
        if spec.isEmptyApart(from: "targetRefs") {
            spec.sink.error(
                at: spec.place,
                "needs at least one of jwt, apiKeys, requiredScopes, requiredClaims and anonymous")
        }
        if let anonymous, anonymous.value, requiredScopes?.isEmpty == false || requiredClaims?.isEmpty == false {
            spec.sink.error(at: anonymous.place, "a caller without a token has no scopes or claims to require")
        }
    }
}

extension AuthenticationPolicyDocument.APIKeys {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        var reference = object.object("secretRef", required: true)
        let secret = reference.flatMap { _ in
            reference?.reference(group: "", kind: "Secret", namespace: namespace)
        }
        reference?.finish()
        let header = object.string("header")
        let query = object.string("queryParameter")
        object.finish()
        if let header, !AuthenticationPolicyDocument.isFreeHeader(header.value) {
            object.sink.error(at: header.place, "must be a field name that HTTP leaves free, such as x-api-key")
        }
        if let query, !Syntax.isToken(query.value) {
            object.sink.error(at: query.place, "must be a name of letters, digits, '-', '_' and '.'")
        }
        guard let secret else { return nil }
        if secret.namespace != namespace {
            object.sink.error(at: secret.place, "must be in the policy's own namespace")
        }
        self.secret = secret
        self.header = (header?.value ?? "x-api-key").lowercased()
        queryParameter = query?.value
    }
}

extension AuthenticationPolicyDocument {
    /// Fields that mean something to HTTP, to the gateway or to a proxy: not to be used for keys or claims.
    private static let takenHeaders: Set<String> = [
        "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "cookie", "expect", "forwarded", "host", "keep-alive", "proxy-authorization",
        "proxy-connection", "range", "te", "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade",
        "via", "x-request-id",
    ]

    static func isFreeHeader(_ name: String) -> Bool {
        let lower = name.lowercased()
        return Syntax.isToken(name) && !takenHeaders.contains(lower) && !lower.hasPrefix("x-forwarded-")
            && !lower.hasPrefix("x-gatehouse-")
    }
}

extension AuthenticationPolicyDocument.Tokens {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let issuer = object.string("issuer", required: true)
        let audiences = object.strings("audiences", required: true) ?? []
        for text in audiences + [issuer].compactMap(\.self) where text.value.isEmpty {
            object.sink.error(at: text.place, "must not be empty")
        }
        self.audiences = audiences.map(\.value)
        algorithms = Self.algorithms(&object)
        clockSkewSeconds = object.integer("clockSkewSeconds", in: 0...300)?.value ?? 30
        let keySet = object.object("keySet", required: true).flatMap {
            TokenProvider.KeySetReference.read($0, namespace: namespace)
        }
        revocations = object.object("revocations").flatMap {
            TokenProvider.RevocationFeed.read($0, namespace: namespace)
        }
        claimsToHeaders = (object.objects("claimsToHeaders") ?? []).compactMap(Self.claimHeader)
        object.finish()
        guard let issuer, let keySet else { return nil }
        self.issuer = issuer.value
        self.keySet = keySet
    }

    private static func algorithms(_ tokens: inout ObjectReader) -> [TokenProvider.Algorithm] {
        guard let names = tokens.strings("algorithms") else { return TokenProvider.Algorithm.allCases }
        if names.isEmpty { tokens.sink.error(at: tokens.place.field("algorithms"), "must have at least one entry") }
        return names.compactMap { name in
            if let known = TokenProvider.Algorithm(rawValue: name.value) { return known }
            let known = TokenProvider.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            tokens.sink.error(at: name.place, "must be one of \(known), not \"\(name.value)\"")
            return nil
        }
    }

    private static func claimHeader(_ object: ObjectReader) -> TokenProvider.ClaimHeader? {
        var object = object
        let claim = object.string("claim", required: true)
        let header = object.string("header", required: true)
        object.finish()
        guard let claim, let header else { return nil }
        if claim.value.isEmpty { object.sink.error(at: claim.place, "must not be empty") }
        guard AuthenticationPolicyDocument.isFreeHeader(header.value) else {
            object.sink.error(at: header.place, "must be a field name that HTTP leaves free, such as x-user-id")
            return nil
        }
        return TokenProvider.ClaimHeader(claim: claim.value, header: header.value.lowercased())
    }
}
