/// One condition of a status, with the types and reasons of Gateway API.
public struct Condition: Codable, Sendable, Hashable {
    public enum Status: String, Codable, Sendable {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"
    }

    public var type: String
    public var status: Status
    public var reason: String
    /// For people; empty when there is nothing to add.
    public var message: String

    public init(_ type: String, _ status: Status, _ reason: String, _ message: String = "") {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
    }

    init(_ type: ConditionType, _ reason: ConditionReason, _ message: String = "", is status: Bool) {
        self.init(type.rawValue, status ? .true : .false, reason.rawValue, message)
    }
}

/// The condition types that the gateway sets.
public enum ConditionType: String, Sendable {
    case accepted = "Accepted"
    case programmed = "Programmed"
    case resolvedRefs = "ResolvedRefs"
    case conflicted = "Conflicted"
    case partiallyInvalid = "PartiallyInvalid"
}

/// Why: the specification's words.
public enum ConditionReason: String, Sendable {
    // Of anything.
    case accepted = "Accepted"
    case programmed = "Programmed"
    case resolvedRefs = "ResolvedRefs"
    case invalid = "Invalid"
    case refNotPermitted = "RefNotPermitted"
    case unsupportedValue = "UnsupportedValue"
    // Of a GatewayClass and a Gateway.
    case invalidParameters = "InvalidParameters"
    case listenersNotValid = "ListenersNotValid"
    case noGatewayClass = "Pending"
    // Of a listener.
    case hostnameConflict = "HostnameConflict"
    case protocolConflict = "ProtocolConflict"
    case noConflicts = "NoConflicts"
    case invalidCertificateRef = "InvalidCertificateRef"
    case invalidRouteKinds = "InvalidRouteKinds"
    // Of a route at a parent.
    case notAllowedByListeners = "NotAllowedByListeners"
    case noMatchingListenerHostname = "NoMatchingListenerHostname"
    case noMatchingParent = "NoMatchingParent"
    case incompatibleFilters = "IncompatibleFilters"
    case backendNotFound = "BackendNotFound"
    case invalidKind = "InvalidKind"
    case unsupportedProtocol = "UnsupportedProtocol"
    // Of a policy at an ancestor.
    case conflicted = "Conflicted"
    case targetNotFound = "TargetNotFound"
    case noValidCACertificate = "NoValidCACertificate"
    case invalidCACertificateRef = "InvalidCACertificateRef"
}

/// What became of a document, as Gateway API writes it into `status`.
public struct ObjectStatus: Codable, Sendable, Hashable {
    public struct Reference: Codable, Sendable, Hashable {
        public var kind: String
        /// "namespace/name".
        public var name: String
        public var sectionName: String?
        public var port: UInt16?

        public init(kind: String, name: String, sectionName: String? = nil, port: UInt16? = nil) {
            self.kind = kind
            self.name = name
            self.sectionName = sectionName
            self.port = port
        }
    }

    public struct Listener: Codable, Sendable, Hashable {
        public var name: String
        public var attachedRoutes: Int
        public var supportedKinds: [String]
        public var conditions: [Condition]
    }

    /// What became of a route at one of its parents, or of a policy at one of the objects that it is for.
    public struct Relation: Codable, Sendable, Hashable {
        public var to: Reference
        public var conditions: [Condition]
    }

    public var kind: String
    /// "namespace/name", or only the name where there are no namespaces.
    public var name: String
    /// Of a GatewayClass or a Gateway.
    public var conditions: [Condition]?
    /// Of a Gateway.
    public var listeners: [Listener]?
    /// Of a route.
    public var parents: [Relation]?
    /// Of a policy.
    public var ancestors: [Relation]?

    public init(kind: String, name: String) {
        self.kind = kind
        self.name = name
    }

    /// Whether every condition is as one wishes it.
    public var isGood: Bool {
        let all =
            (conditions ?? []) + (listeners ?? []).flatMap(\.conditions) + (parents ?? []).flatMap(\.conditions)
            + (ancestors ?? []).flatMap(\.conditions)
        let unwanted: Set<String> = [ConditionType.conflicted.rawValue, ConditionType.partiallyInvalid.rawValue]
        return all.allSatisfy { $0.status == (unwanted.contains($0.type) ? .false : .true) }
    }
}
