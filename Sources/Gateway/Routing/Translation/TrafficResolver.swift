/// Finds the traffic settings that hold for each backend: see `TrafficPolicyDocument` for the order.
struct TrafficResolver {
    private let documents: Documents
    private let settings: TranslationSettings
    private let sink: DiagnosticSink
    private var policies = PolicyTargets<TrafficPolicyDocument>()
    /// Of all policies for Gateways together.
    private(set) var clients = ClientSettings()

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.documents = documents
        self.settings = settings
        self.sink = sink
        for policy in valid {
            for target in policy.targets { attach(policy, to: target) }
        }
        resolveClients()
    }

    /// A policy with an error in it is left out as a whole, rather than obeyed in part.
    private var valid: [TrafficPolicyDocument] {
        documents.trafficPolicies.filter {
            documents.errors(of: ObjectKey(kind: "TrafficPolicy", key: $0.metadata.key)).isEmpty
        }
    }

    /// The settings of a Service's port for the requests of a route that is attached to `gateway`.
    func settings(
        for service: ServicePort, of route: RouteDocument, at gateway: GatewayDocument
    ) -> TrafficSettings {
        let key = "\(service.namespace)/\(service.name)"
        let farthestFirst = [
            policies["Gateway", gateway.metadata.key],
            policies[route.kind.rawValue, route.metadata.key],
            policies["Service", key],
            policies["Service", key, String(service.port)],
        ]
        var traffic = TrafficSettings()
        for policy in farthestFirst { policy?.traffic.apply(to: &traffic) }
        return traffic
    }

    /// What the policies of the route and of `gateway` say of its requests, field by field the route's first.
    func requests(of route: RouteDocument, at gateway: GatewayDocument) -> TrafficPolicyDocument.RequestSettings {
        let nearest = policies[route.kind.rawValue, route.metadata.key]?.requests?.value
        let farthest = policies["Gateway", gateway.metadata.key]?.requests?.value
        return TrafficPolicyDocument.RequestSettings(
            bodyBytes: nearest?.bodyBytes ?? farthest?.bodyBytes,
            headerBytes: nearest?.headerBytes ?? farthest?.headerBytes,
            loggedHeaders: nearest?.loggedHeaders ?? farthest?.loggedHeaders)
    }

    /// Whether a route's requests may be treated in another way than those of other routes to the same Service.
    func isSpecial(_ route: RouteDocument) -> Bool {
        policies[route.kind.rawValue, route.metadata.key]?.traffic.isEmpty == false
    }

    func isSpecial(_ gateway: GatewayDocument) -> Bool {
        documents.gateways.count > 1 && policies["Gateway", gateway.metadata.key]?.traffic.isEmpty == false
    }

    private mutating func attach(_ policy: TrafficPolicyDocument, to target: TrafficPolicyDocument.Target) {
        var section: String?
        switch target.kind {
        case .gateway where documents.gateways.contains { $0.metadata.key == target.object.key }: break
        case .route where documents.routes.contains { $0.metadata.key == target.object.key }: break
        case .service:
            let found = documents.servicePort(of: target.object, section: target.sectionName, settings, sink)
            guard found.exists else { return }
            section = found.section
        case .gateway, .route:
            sink.report(
                settings.missingReference, at: target.object.place, reason: .targetNotFound,
                "there is no \(target.object.kind) \(target.object.key)")
            return
        }
        policies.attach(
            policy, named: policy.metadata.key, kind: "TrafficPolicy",
            to: PolicyTarget(kind: target.kind.rawValue, key: target.object.key, section: section), at: target.place,
            sink)
    }

    /// Limits hold for the whole process, so a second policy that states some cannot be obeyed.
    private mutating func resolveClients() {
        let stating = valid.filter { $0.clients != nil }
        if let first = stating.first, let found = first.clients { clients = found.value }
        for other in stating.dropFirst() {
            if let place = other.clients?.place {
                sink.error(
                    at: place, reason: .conflicted,
                    "holds for the whole process, and TrafficPolicy \(stating[0].metadata.key) has it already"
                )
            }
        }
    }
}

extension RouteDocument.Retry {
    /// What the rule says, and for the rest what its backend's policies say.
    func settings(over traffic: TrafficSettings) -> RetrySettings {
        var retries = traffic.retries
        if let statuses { retries.statuses = statuses }
        if let attempts { retries.maximumRetries = attempts }
        if let backoffMilliseconds {
            retries.backoffMilliseconds = backoffMilliseconds
            retries.maximumBackoffMilliseconds = max(retries.maximumBackoffMilliseconds, backoffMilliseconds)
        }
        return retries
    }
}
