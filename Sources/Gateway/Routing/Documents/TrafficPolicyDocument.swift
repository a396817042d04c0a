/// Our `TrafficPolicy` (`gatehouse.dev/v1alpha1`): how backends are used, and what clients may ask for.
///
/// Field by field the nearest policy that states it wins: the Service's port, then the Service, the HTTPRoute, and the
/// Gateway. What none states has the default of `TrafficSettings`. `clients` holds for the whole process, so only a policy
/// for a Gateway has it.
public struct TrafficPolicyDocument: Sendable {
    public enum TargetKind: String, Sendable {
        case gateway = "Gateway"
        case route = "HTTPRoute"
        case service = "Service"
    }

    public struct Target: Sendable {
        public let kind: TargetKind
        public let object: ObjectReference
        /// The name of a port, or its number; only for a `Service`.
        public let sectionName: Located<String>?
        public let place: Place
    }

    public let metadata: Metadata
    public let targets: [Target]
    public let traffic: TrafficChanges
    public let clients: Located<ClientSettings>?
    /// What single requests may be, and what is logged of them; not for a Service.
    public let requests: Located<RequestSettings>?

    /// Each field nil where the policy does not state it.
    public struct RequestSettings: Sendable {
        public var bodyBytes: Int?
        public var headerBytes: Int?
        /// In lower case.
        public var loggedHeaders: [String]?
    }

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        targets = (spec.objects("targetRefs", required: true) ?? []).compactMap {
            Target($0, namespace: metadata.namespace)
        }
        traffic = TrafficChanges(&spec)
        clients = spec.object("clients").map { Located(ClientSettings($0), at: $0.place) }
        requests = spec.object("requests").map { Located(RequestSettings($0), at: $0.place) }
        spec.finish()
        if let requests, targets.contains(where: { $0.kind == .service }) {
            spec.sink.error(at: requests.place, "is only for a Gateway or an HTTPRoute: a Service is known too late")
        }
        if spec.isEmptyApart(from: "targetRefs") {
            spec.sink.error(at: spec.place, "says nothing about traffic")
        }
        if let clients, targets.contains(where: { $0.kind != .gateway }) {
            spec.sink.error(at: clients.place, "holds for the whole process: only a policy for a Gateway has it")
        }
    }
}

extension TrafficPolicyDocument.Target {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let kind = object.choice("kind", of: ["Gateway", "HTTPRoute", "Service"], required: true)
        let known = kind.flatMap { TrafficPolicyDocument.TargetKind(rawValue: $0.value) }
        // Of an unknown kind the group cannot be judged.
        if known == nil { object.ignore("group", "name", "namespace") }
        let target = known.flatMap {
            object.reference(
                group: $0 == .service ? "" : "gateway.networking.k8s.io", namespace: namespace, of: $0.rawValue)
        }
        sectionName = object.string("sectionName")
        object.finish()
        place = object.place
        guard let known, let target else { return nil }
        if target.namespace != namespace {
            object.sink.error(at: target.place, "must be in the policy's own namespace")
        }
        if let sectionName, known != .service {
            object.sink.error(at: sectionName.place, "is not supported by this version for \(known.article)")
        }
        self.kind = known
        self.object = target
    }
}

extension TrafficPolicyDocument.TargetKind {
    var article: String { self == .route ? "an HTTPRoute" : "a \(rawValue)" }
}

extension TrafficPolicyDocument.RequestSettings {
    init(_ object: ObjectReader) {
        var object = object
        bodyBytes = object.integer("maxRequestBodyBytes", in: 0...1 << 50)?.value
        headerBytes = object.integer("maxRequestHeaderBytes", in: 256...262_144)?.value
        var log = object.object("accessLog")
        let names = log?.strings("requestHeaders")
        log?.finish()
        object.finish()
        for name in names ?? [] where !Syntax.isToken(name.value) || Self.secret.contains(name.value.lowercased()) {
            object.sink.error(at: name.place, "must be a field name, and not one that carries secrets")
        }
        if let names, names.count > 16 {
            object.sink.error(at: object.place.field("accessLog"), "must have at most 16 names")
        }
        loggedHeaders = names?.map { $0.value.lowercased() }
    }

    private static let secret: Set<String> = ["authorization", "cookie", "proxy-authorization", "x-api-key"]
}

extension ClientSettings {
    init(_ object: ObjectReader) {
        var object = object
        requestLineBytes = object.integer("requestLineBytes", in: 512...65_536)?.value
        headerBytes = object.integer("headerBytes", in: 1_024...262_144)?.value
        headerFields = object.integer("headerFields", in: 8...1_000)?.value
        requestBodyBytes = object.integer("requestBodyBytes", in: 0...1 << 50)?.value
        handshakeMilliseconds = object.duration("handshakeTimeout", in: 100...600_000)?.value
        requestBodyRate = object.integer("requestBodyRate", in: 0...1 << 30)?.value
        connectionsPerClient = object.integer("connectionsPerClient", in: 1...1_000_000)?.value
        heldBytesPerWorker = object.integer("heldBytesPerWorker", in: 1_048_576...1_099_511_627_776)?.value
        requestHeadMilliseconds = object.duration("requestHeadTimeout", in: 100...600_000)?.value
        requestBodyMilliseconds = object.duration("requestBodyTimeout", in: 100...3_600_000)?.value
        idleMilliseconds = object.duration("idleTimeout", in: 1_000...3_600_000)?.value
        writeMilliseconds = object.duration("writeTimeout", in: 100...3_600_000)?.value
        connectionsPerWorker = object.integer("connectionsPerWorker", in: 1...1_000_000)?.value
        concurrentStreams = object.integer("concurrentStreams", in: 1...10_000)?.value
        bodyBufferBytes = object.integer("bodyBufferBytes", in: 16_384...16_777_216)?.value
        var address = object.object("clientAddress")
        let proxies = AccessPolicyDocument.blocks(&address, "trustedProxies")
        trustedProxies = proxies.isEmpty ? nil : proxies
        address?.finish()
        object.finish()
    }
}
