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

    public init(
        endpoints: [ServicePort: [Endpoint]] = [:], knownServices: Set<String> = [],
        boundPorts: [String: UInt16] = [:], missingReference: Diagnostic.Severity = .error
    ) {
        self.endpoints = endpoints
        self.knownServices = knownServices
        self.boundPorts = boundPorts
        self.missingReference = missingReference
    }
}

/// What the documents come to.
public struct Translation: Sendable {
    /// Nil when there is an error among the diagnostics.
    public let table: RouteTable?
    /// What the policies of Gateways say of clients.
    public let clients: ClientSettings
    /// Of the documents and of what they say together.
    public let diagnostics: [Diagnostic]

    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// Checks the documents against each other and compiles them.
    public init(of documents: Documents, settings: TranslationSettings = TranslationSettings()) {
        var translator = Translator(documents: documents, settings: settings)
        let table = translator.table()
        let found = (documents.diagnostics + translator.sink.diagnostics).inReadingOrder()
        diagnostics = found
        clients = translator.clients
        self.table = found.contains { $0.severity == .error } ? nil : table
    }
}
