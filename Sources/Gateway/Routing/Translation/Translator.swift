/// Turns documents into a route table, one kind at a time. What does not fit together is reported and left out, alone:
/// the rest serves.
struct Translator {
    let documents: Documents
    let settings: TranslationSettings
    let sink = DiagnosticSink()

    var listeners: [ListenerDescription] = []
    var attachments: [Attachment] = []
    var backends: [Backend] = []
    var rules: [RouteRule] = []
    var entries: [RouteEntry] = []
    /// Of GatewayClasses, Gateways and routes.
    var status: [ObjectStatus] = []
    var backendIndexes: [BackendKey: Int] = [:]
    var policies: RulePolicyResolver
    let traffic: TrafficResolver
    let tls: BackendTLSResolver
    let services: [String: ServiceDocument]
    let secrets: [String: SecretDocument]
    /// Whether both kinds of routes may meet.
    let hasGRPC: Bool

    var clients: ClientSettings { traffic.clients }

    init(documents: Documents, settings: TranslationSettings) {
        self.documents = documents
        self.settings = settings
        traffic = TrafficResolver(documents: documents, settings: settings, sink: sink)
        tls = BackendTLSResolver(documents: documents, settings: settings, sink: sink)
        policies = RulePolicyResolver(documents: documents, settings: settings, sink: sink)
        services = Dictionary(documents.services.map { ($0.metadata.key, $0) }) { first, _ in first }
        hasGRPC = documents.routes.contains { $0.kind == .grpc }
        secrets = Dictionary(documents.secrets.map { ($0.metadata.key, $0) }) { first, _ in first }
    }

    mutating func table() -> RouteTable {
        translateGateways()
        var authentication = AuthenticationResolver(documents: documents, settings: settings, sink: sink)
        for route in routesInOrder { translate(route, &authentication) }
        reportGateways()
        return RouteTable(
            listeners: listeners, tokenProviders: authentication.providers, apiKeySets: authentication.apiKeySets,
            rateLimits: policies.rateLimits, backends: backends, rules: rules, entries: entries)
    }

    /// As they stand in the documents; where kinds of routes meet, from the oldest on, because the first of two that
    /// exclude each other is taken.
    private var routesInOrder: [RouteDocument] {
        guard hasGRPC else { return documents.routes }
        return documents.routes.enumerated()
            .sorted { left, right in
                let (age, otherAge) = (
                    left.element.metadata.createdSeconds ?? .max, right.element.metadata.createdSeconds ?? .max
                )
                if age != otherAge { return age < otherAge }
                let (key, otherKey) = (left.element.metadata.key, right.element.metadata.key)
                return key == otherKey ? left.offset < right.offset : key < otherKey
            }
            .map(\.element)
    }
}
