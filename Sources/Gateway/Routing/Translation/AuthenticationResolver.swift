/// Finds the authentication that holds for each rule: see `AuthenticationPolicyDocument` for the order.
struct AuthenticationResolver {
    private let documents: Documents
    private let settings: TranslationSettings
    private let sink: DiagnosticSink
    private let policies: AttachedPolicies<AuthenticationPolicyDocument>
    /// The claims that some policy asks for.
    private let claims: Set<String>
    /// By the policy's name: those whose API keys it takes.
    private var consumers: [String: [APIKeySet.Consumer]] = [:]
    private(set) var providers: [TokenProvider] = []
    private(set) var apiKeySets: [APIKeySet] = []

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.documents = documents
        self.settings = settings
        self.sink = sink
        policies = AttachedPolicies(
            documents.authenticationPolicies, documents: documents, settings: settings, sink: sink)
        let asked =
            documents.authenticationPolicies.flatMap { $0.requiredClaims ?? [] }
            + documents.accessPolicies.flatMap { $0.rule.allowedClaims + $0.rule.deniedClaims }
        claims = Set(asked.map(\.name))
        for policy in documents.authenticationPolicies {
            if let keys = policy.apiKeys { consumers[policy.metadata.key] = read(keys.secret) }
            guard let tokens = policy.tokens else { continue }
            check(tokens.keySet)
            if let feed = tokens.revocations, let authorities = feed.value.authorities {
                checkMap(authorities.name, authorities.key, at: feed.place)
            }
        }
    }

    /// The authentication of a rule of a route that is attached to `gateway`; nil when no policy says anything, and for a
    /// closed rule.
    mutating func rule(
        for rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument
    ) -> AuthenticationRule? {
        let nearestFirst = policies.nearestFirst(rule: rule, of: route, at: gateway)
        guard let nearest = nearestFirst.first else { return nil }
        guard nearest.isAnonymous || !rule.backends.isEmpty else { return nil }
        if !nearest.isAnonymous, Self.areSilent(nearestFirst) {
            sink.error(
                at: nearest.metadata.place,
                "asks for a token at \(route.metadata.key), but no policy on the way to the Gateway has jwt or apiKeys")
        }
        // Nobody needs the keys of an issuer that nobody may use.
        if isClosed(rule, of: route, at: gateway) { return nil }
        let provider = nearestFirst.lazy.compactMap { policy in policy.tokens.map { (policy, $0) } }.first
            .map { self.provider($0, $1) }
        let apiKeys = nearestFirst.lazy.compactMap { policy in policy.apiKeys.map { (policy, $0) } }.first
            .map { self.apiKeySet($0, $1) }
        if nearest.isAnonymous {
            return AuthenticationRule(provider: provider, apiKeys: apiKeys, anonymousAllowed: true)
        }
        return AuthenticationRule(
            provider: provider, apiKeys: apiKeys,
            requiredScopes: nearestFirst.lazy.compactMap(\.requiredScopes).first ?? [],
            requiredClaims: nearestFirst.lazy.compactMap(\.requiredClaims).first ?? [])
    }

    /// Whether requests of a rule are to be refused, because nobody knows who may call.
    func isClosed(_ rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument) -> Bool {
        // A redirect tells nobody anything.
        if rule.backends.isEmpty { return false }
        if policies.isClosed(rule, of: route, at: gateway) { return true }
        let onTheWay = policies.nearestFirst(rule: rule, of: route, at: gateway)
        if onTheWay.contains(where: isUnusable) { return true }
        guard let nearest = onTheWay.first, !nearest.isAnonymous else { return false }
        return Self.areSilent(onTheWay)
    }

    /// Whether none of them says how callers are known.
    private static func areSilent(_ policies: [AuthenticationPolicyDocument]) -> Bool {
        !policies.contains { $0.tokens != nil || $0.apiKeys != nil }
    }

    /// Whether the keys of its issuer cannot be had.
    private func isUnusable(_ policy: AuthenticationPolicyDocument) -> Bool {
        if settings.unusable[ObjectKey(kind: "AuthenticationPolicy", key: policy.metadata.key)] != nil { return true }
        guard settings.missingReference == .error else { return false }
        switch policy.tokens?.keySet.value {
        case .configMap(let name, let key):
            return documents.configMaps.first { $0.metadata.key == name }?.data[key] == nil
        case .secret(let name, _): return !documents.secrets.contains { $0.metadata.key == name }
        case .file, .remote, nil: return false
        }
    }

    private mutating func provider(
        _ policy: AuthenticationPolicyDocument, _ tokens: AuthenticationPolicyDocument.Tokens
    ) -> Int {
        if let index = providers.firstIndex(where: { $0.name == policy.metadata.key }) { return index }
        providers.append(
            TokenProvider(
                name: policy.metadata.key, issuer: tokens.issuer, audiences: tokens.audiences,
                algorithms: tokens.algorithms, clockSkewSeconds: tokens.clockSkewSeconds, keySet: tokens.keySet.value,
                revocations: tokens.revocations?.value, claimsToHeaders: tokens.claimsToHeaders, claims: claims))
        return providers.count - 1
    }

    private func check(_ keySet: Located<TokenProvider.KeySetReference>) {
        switch keySet.value {
        case .configMap(let name, let key): checkMap(name, key, at: keySet.place)
        case .remote(let remote):
            if let authorities = remote.authorities { checkMap(authorities.name, authorities.key, at: keySet.place) }
        case .secret(let name, let key):
            guard let secret = documents.secrets.first(where: { $0.metadata.key == name }) else {
                sink.report(settings.missingReference, at: keySet.place, "there is no Secret \(name)")
                return
            }
            if secret.data[key] == nil && secret.stringData[key] == nil {
                sink.error(at: keySet.place, "Secret \(name) has no key \"\(key)\"")
            }
        case .file: break
        }
    }

    private func checkMap(_ name: String, _ key: String, at place: Place) {
        guard let map = documents.configMaps.first(where: { $0.metadata.key == name }) else {
            sink.report(settings.missingReference, at: place, "there is no ConfigMap \(name)")
            return
        }
        if map.data[key] == nil { sink.error(at: place, "ConfigMap \(name) has no key \"\(key)\"") }
    }

    // MARK: - API keys

    private mutating func apiKeySet(
        _ policy: AuthenticationPolicyDocument, _ keys: AuthenticationPolicyDocument.APIKeys
    ) -> Int {
        if let index = apiKeySets.firstIndex(where: { $0.name == policy.metadata.key }) { return index }
        apiKeySets.append(
            APIKeySet(
                name: policy.metadata.key, secret: keys.secret.key, header: keys.header,
                queryParameter: keys.queryParameter, consumers: consumers[policy.metadata.key] ?? []))
        return apiKeySets.count - 1
    }

    private func read(_ reference: ObjectReference) -> [APIKeySet.Consumer] {
        guard let secret = documents.secrets.first(where: { $0.metadata.key == reference.key }) else {
            sink.report(settings.missingReference, at: reference.place, "there is no Secret \(reference.key)")
            return []
        }
        var consumers: [APIKeySet.Consumer] = []
        for name in Set(secret.data.keys).union(secret.stringData.keys).sorted() {
            let place = (secret.stringData[name] ?? secret.data[name])?.place ?? secret.metadata.place
            do throws(Diagnostic) {
                guard let consumer = APIKeySet.Consumer(name: name, text: try secret.bytes(name)) else {
                    // The text is not repeated: it may be a key that was not hashed.
                    sink.error(at: place, "must be \"sha256:\" and 64 hexadecimal digits, and scopes behind a space")
                    continue
                }
                if consumers.contains(where: { $0.digest == consumer.digest }) {
                    sink.error(at: place, "another consumer of this Secret has the same key")
                }
                consumers.append(consumer)
            } catch {
                sink.error(at: error.place, error.message)
            }
        }
        return consumers
    }
}

extension APIKeySet.Consumer {
    /// - Parameter text: "sha256:", the digest in hexadecimal, and scopes, each behind a space.
    init?(name: String, text: [UInt8]) {
        let parts = String(decoding: text, as: UTF8.self).split { $0 == " " || $0 == "\n" || $0 == "\r\n" }
        guard let first = parts.first, first.hasPrefix("sha256:") else { return nil }
        let digits = Array(first.dropFirst(7).utf8)
        guard digits.count == 64 else { return nil }
        var digest: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
            guard pair.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let byte = UInt8(pair, radix: 16)
            else { return nil }
            digest.append(byte)
        }
        let scopes = parts.dropFirst().map(String.init)
        guard scopes.allSatisfy(Syntax.isScope) else { return nil }
        self.init(name: name, digest: digest, scopes: scopes)
    }
}
