/// A port of a Service, as routes name it.
public struct ServicePort: Sendable, Hashable, CustomStringConvertible {
    public var namespace: String
    public var name: String
    public var port: UInt16

    public init(namespace: String = "default", name: String, port: UInt16) {
        self.namespace = namespace
        self.name = name
        self.port = port
    }

    public var description: String { "\(namespace)/\(name):\(port)" }
}

/// What the documents do not say and the translation needs to know.
public struct TranslationSettings: Sendable {
    /// Where each Service port is reached. One that is missing has no address yet.
    public var endpoints: [ServicePort: [Endpoint]]
    /// Services, as "namespace/name", that may be named without a `Service` document, because somebody said where they
    /// live. They speak HTTP/1.1.
    public var knownServices: Set<String>
    /// By a listener's name: the port that it is bound to in place of the declared one.
    public var boundPorts: [String: UInt16]
    /// How a reference to an object that is not among the documents is reported: an error when the gateway is to run,
    /// a warning when only some documents of a system are checked.
    public var missingReference: Diagnostic.Severity
    /// Objects whose content cannot be used, and why: certificates that do not parse, for instance. Who looked into them
    /// reports that.
    public var unusable: [ObjectKey: String]
    /// What cookies of session persistence are made with.
    public var sessionKey: SessionKey

    public init(
        endpoints: [ServicePort: [Endpoint]] = [:], knownServices: Set<String> = [],
        boundPorts: [String: UInt16] = [:], missingReference: Diagnostic.Severity = .error,
        unusable: [ObjectKey: String] = [:], sessionKey: SessionKey = SessionKey(high: 0, low: 0)
    ) {
        self.endpoints = endpoints
        self.knownServices = knownServices
        self.boundPorts = boundPorts
        self.missingReference = missingReference
        self.unusable = unusable
        self.sessionKey = sessionKey
    }
}

/// What the documents come to.
public struct Translation: Sendable {
    /// Nil when no listener can serve. What has an error among the diagnostics is not in it, or answers with 500.
    public let table: RouteTable?
    /// What the policies of Gateways say of clients.
    public let clients: ClientSettings
    /// Of the documents and of what they say together.
    public let diagnostics: [Diagnostic]
    /// What became of each GatewayClass, Gateway, route and policy.
    public let status: [ObjectStatus]

    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// Checks the documents against each other and compiles them.
    public init(of documents: Documents, settings: TranslationSettings = TranslationSettings()) {
        var translator = Translator(documents: documents, settings: settings)
        let table = translator.table()
        let found = (documents.diagnostics + translator.sink.diagnostics).inReadingOrder()
        diagnostics = found
        clients = translator.clients
        status = translator.status + documents.policyStatuses(PolicyStatuses(diagnostics: found))
        self.table = table.listeners.isEmpty ? nil : table
    }
}

extension Documents {
    fileprivate func policyStatuses(_ statuses: PolicyStatuses) -> [ObjectStatus] {
        func target(_ kind: String, _ object: ObjectReference, _ section: Located<String>?, _ place: Place)
            -> PolicyStatuses.Target
        {
            let reference = ObjectStatus.Reference(kind: kind, name: object.key, sectionName: section?.value)
            return PolicyStatuses.Target(reference: reference, place: place)
        }
        func status(of policy: some RulePolicyDocument) -> ObjectStatus {
            let targets = policy.targets.map { target($0.kind, $0.object, $0.sectionName, $0.place) }
            return statuses.status(of: type(of: policy).kind, policy.metadata, at: targets)
        }
        let rules =
            authenticationPolicies.map { status(of: $0) } + rateLimitPolicies.map { status(of: $0) }
            + accessPolicies.map { status(of: $0) }
        let traffic = trafficPolicies.map { policy in
            let targets = policy.targets.map { target($0.kind.rawValue, $0.object, $0.sectionName, $0.place) }
            return statuses.status(of: "TrafficPolicy", policy.metadata, at: targets)
        }
        let tls = backendTLSPolicies.map { policy in
            let targets = policy.targets.map { target("Service", $0.service, $0.sectionName, $0.place) }
            return statuses.status(of: "BackendTLSPolicy", policy.metadata, at: targets)
        }
        return rules + traffic + tls
    }
}
