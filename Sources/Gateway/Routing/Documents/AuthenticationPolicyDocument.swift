/// Our `AuthenticationPolicy` (`gatehouse.dev/v1alpha1`): who may call, attached as in GEP-713.
///
/// Of several policies on the way to a rule the nearest wins: rule, then route, then Gateway. `anonymous` is always the
/// nearest policy's; `jwt` and `requiredScopes` are those of the nearest policy that states them, so that a policy for a
/// rule can name scopes and leave the issuer to the Gateway's.
public struct AuthenticationPolicyDocument: Sendable {
    public enum TargetKind: String, Sendable {
        case gateway = "Gateway"
        case route = "HTTPRoute"
    }

    public struct Target: Sendable {
        public let kind: TargetKind
        public let object: ObjectReference
        /// The name of a rule; only for an `HTTPRoute`.
        public let sectionName: Located<String>?
        public let place: Place
    }

    public struct Tokens: Sendable {
        public let issuer: String
        public let audiences: [String]
        public let algorithms: [TokenProvider.Algorithm]
        public let clockSkewSeconds: Int
        public let keySet: Located<TokenProvider.KeySetReference>
    }

    public let metadata: Metadata
    public let targets: [Target]
    public let tokens: Tokens?
    public let requiredScopes: [String]?
    public let isAnonymous: Bool

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        targets = (spec.objects("targetRefs", required: true) ?? []).compactMap {
            Target($0, namespace: metadata.namespace)
        }
        tokens = spec.object("jwt").flatMap { Tokens($0, namespace: metadata.namespace) }
        let scopes = spec.strings("requiredScopes")
        for scope in scopes ?? [] where !Syntax.isScope(scope.value) {
            spec.sink.error(at: scope.place, "must be a scope of RFC 6749 §3.3: visible characters, no space")
        }
        requiredScopes = scopes?.map(\.value)
        let anonymous = spec.bool("anonymous")
        isAnonymous = anonymous?.value ?? false
        spec.unsupported("apiKeys")
        spec.finish()
        if spec.isEmptyApart(from: "targetRefs") {
            spec.sink.error(at: spec.place, "needs at least one of jwt, requiredScopes and anonymous")
        }
        if let anonymous, anonymous.value, requiredScopes?.isEmpty == false {
            spec.sink.error(at: anonymous.place, "a caller without a token has no scopes to require")
        }
    }
}

extension AuthenticationPolicyDocument.Target {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let kind = object.choice("kind", of: ["Gateway", "HTTPRoute"], required: true)
        let target = object.reference(
            group: "gateway.networking.k8s.io", namespace: namespace, of: kind?.value ?? "Gateway")
        sectionName = object.objectName("sectionName")
        object.finish()
        place = object.place
        guard let kind, let target, let known = AuthenticationPolicyDocument.TargetKind(rawValue: kind.value) else {
            return nil
        }
        if target.namespace != namespace {
            object.sink.error(at: target.place, "must be in the policy's own namespace")
        }
        if let sectionName, known == .gateway {
            object.sink.error(at: sectionName.place, "is not supported by this version for a Gateway")
        }
        self.kind = known
        self.object = target
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
        let keySet = Self.keySet(&object, namespace: namespace)
        object.unsupported("claimsToHeaders", "requiredClaims")
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

    private static func keySet(
        _ tokens: inout ObjectReader, namespace: String
    ) -> Located<TokenProvider.KeySetReference>? {
        guard var keySet = tokens.object("keySet", required: true) else { return nil }
        defer { keySet.finish() }
        keySet.unsupported("secretRef", "url")
        let configMap = keySet.object("configMapRef")
        let file = keySet.string("file")
        if let configMap, file == nil {
            var reference = configMap
            let name = reference.objectName("name", required: true)
            let key = reference.string("key", required: true)
            reference.finish()
            guard let name, let key else { return nil }
            return Located(.configMap(name: "\(namespace)/\(name.value)", key: key.value), at: reference.place)
        }
        if let file, configMap == nil {
            if !file.value.hasPrefix("/") { tokens.sink.error(at: file.place, "must be an absolute path") }
            return Located(.file(path: file.value), at: file.place)
        }
        tokens.sink.error(at: keySet.place, "needs exactly one of configMapRef and file")
        return nil
    }
}

extension ObjectReader {
    /// Whether the mapping has no field but this one.
    func isEmptyApart(from name: String) -> Bool {
        !hasField { $0 != name }
    }
}
