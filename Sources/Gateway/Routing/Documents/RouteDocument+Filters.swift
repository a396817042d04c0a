extension RouteDocument.Filter {
    /// Where filters stand.
    enum Holder {
        case rule([RouteDocument.Match])
        case backend
    }

    private static let once = [
        "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS",
    ]

    /// Reads `filters` and checks that they go together.
    static func read(
        _ object: inout ObjectReader, _ kind: RouteKind, of holder: Holder, namespace: String
    ) -> [RouteDocument.Filter] {
        var types: [String] = []
        var filters: [RouteDocument.Filter] = []
        for var reader in object.objects("filters") ?? [] {
            let (supported, unsupported) = choices(kind, holder)
            let type = reader.choice(
                "type", of: supported, unsupported: unsupported, required: true, reason: .unsupportedValue)
            guard let type else { continue }
            if once.contains(type.value), types.contains(type.value) {
                reader.sink.error(
                    at: type.place, reason: .incompatibleFilters, "there is such a filter already")
            }
            types.append(type.value)
            if types.contains("RequestRedirect"), types.contains("URLRewrite") {
                reader.sink.error(
                    at: type.place, reason: .incompatibleFilters, "RequestRedirect and URLRewrite exclude each other")
            }
            if let filter = read(&reader, type: type.value, kind, holder, namespace: namespace) {
                filters.append(filter)
            }
            reader.finish()
        }
        return filters
    }

    private static func choices(_ kind: RouteKind, _ holder: Holder) -> (supported: [String], unsupported: [String]) {
        let headers = ["RequestHeaderModifier", "ResponseHeaderModifier"]
        let more = ["RequestMirror", "ExtensionRef"]
        let http = ["RequestRedirect", "URLRewrite", "CORS"]
        guard case .rule = holder else { return (headers, more + http) }
        return kind == .grpc ? (headers + more, []) : (headers + http + more, ["ExternalAuth"])
    }

    private static func read(
        _ filter: inout ObjectReader, type: String, _ kind: RouteKind, _ holder: Holder, namespace: String
    ) -> RouteDocument.Filter? {
        switch type {
        case "RequestHeaderModifier":
            return filter.object("requestHeaderModifier", required: true)
                .map { .requestHeaders(HeaderChanges($0, isRequest: true)) }
        case "ResponseHeaderModifier":
            return filter.object("responseHeaderModifier", required: true)
                .map { .responseHeaders(HeaderChanges($0, isRequest: false)) }
        case "RequestRedirect":
            return filter.object("requestRedirect", required: true).map { .redirect(Redirect($0, holder)) }
        case "URLRewrite":
            return filter.object("urlRewrite", required: true).map { .rewrite(URLRewrite($0, holder)) }
        case "RequestMirror":
            return filter.object("requestMirror", required: true).map { mirror($0, kind, namespace: namespace) }
        case "CORS": return filter.object("cors", required: true).map { .crossOrigin(CrossOriginRules($0)) }
        default:
            guard var reference = filter.object("extensionRef", required: true) else { return nil }
            _ = reference.string("group", required: true)
            let kind = reference.string("kind", required: true)
            let name = reference.string("name", required: true)
            reference.finish()
            return .custom(Located("\(kind?.value ?? "") \(name?.value ?? "")", at: reference.place))
        }
    }

    private static func mirror(
        _ object: ObjectReader, _ kind: RouteKind, namespace: String
    ) -> RouteDocument.Filter {
        var object = object
        defer { object.finish() }
        let place = object.place.field("backendRef")
        let backend = object.object("backendRef", required: true)
            .map { RouteDocument.BackendReference($0, kind, namespace: namespace) }
        let percent = object.integer("percent", in: 0...100)
        var (numerator, denominator) = (percent?.value ?? 100, 100)
        if var fraction = object.object("fraction") {
            if percent != nil { object.sink.error(at: fraction.place, "excludes percent") }
            denominator = fraction.integer("denominator", in: 1...1_000_000_000)?.value ?? 100
            let found = fraction.integer("numerator", in: 0...1_000_000_000, required: true)
            numerator = found?.value ?? 0
            if let found, found.value > denominator {
                fraction.sink.error(at: found.place, "must not be above the denominator")
            }
            fraction.finish()
        }
        let none = RouteDocument.BackendReference(service: nil, port: nil, weight: 1, filters: [], place: place)
        return .mirror(backend ?? none, numerator: numerator, denominator: denominator)
    }
}

extension HeaderChanges {
    /// Fields that say how the message itself is framed or passed on (RFC 9110 §7.6.1), and who is asked.
    private static let untouchable: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]
    /// What the gateway itself tells endpoints, and may be believed.
    private static let ours: Set<String> = ["forwarded", "traceparent", "x-real-ip", "x-request-id"]
    private static let ourPrefixes = ["x-forwarded-", "x-gatehouse-", "x-authenticated-"]

    init(_ object: ObjectReader, isRequest: Bool) {
        var object = object
        self.init(
            set: Self.fields(&object, "set", isRequest: isRequest),
            add: Self.fields(&object, "add", isRequest: isRequest),
            remove: (object.strings("remove") ?? []).map { name in
                Self.check(name, object, isRequest: isRequest)
                return name.value
            })
        object.finish()
    }

    private static func fields(_ object: inout ObjectReader, _ list: String, isRequest: Bool) -> [Field] {
        var fields: [Field] = []
        for var field in object.objects(list) ?? [] {
            let name = field.string("name", required: true)
            let value = field.string("value", required: true)
            field.finish()
            guard let name, let value else { continue }
            check(name, object, isRequest: isRequest)
            if !Syntax.isFieldValue(value.value) || value.value.utf8.count > 4_096 {
                object.sink.error(at: value.place, "must be visible ASCII, with spaces only inside, at most 4096 bytes")
            }
            let made = Field(name: name.value, value: value.value)
            if fields.contains(where: { $0.name == made.name }) {
                object.sink.error(at: name.place, "the field is named twice")
            }
            fields.append(made)
        }
        return fields
    }

    private static func check(_ name: Located<String>, _ object: ObjectReader, isRequest: Bool) {
        let lower = name.value.lowercased()
        if !Syntax.isToken(name.value) {
            object.sink.error(at: name.place, "must be the name of a field")
        } else if untouchable.contains(lower) {
            let hint = lower == "host" ? "; use URLRewrite" : ""
            object.sink.error(at: name.place, "is the business of each connection, not of a filter\(hint)")
        } else if lower == "x-request-id"
            || isRequest && (ours.contains(lower) || ourPrefixes.contains { lower.hasPrefix($0) })
        {
            object.sink.error(at: name.place, "is set by the gateway itself")
        }
    }
}

extension PathChange {
    /// Reads `path` of a redirect or a rewrite.
    static func read(_ object: inout ObjectReader, _ holder: RouteDocument.Filter.Holder) -> PathChange? {
        guard var path = object.object("path") else { return nil }
        defer { path.finish() }
        let type = path.choice("type", of: ["ReplaceFullPath", "ReplacePrefixMatch"], required: true)
        let isPrefix = type?.value == "ReplacePrefixMatch"
        let other = isPrefix ? "replaceFullPath" : "replacePrefixMatch"
        if path.hasField(where: { $0 == other }) {
            path.sink.error(at: path.place.field(other), "does not go with type \(type?.value ?? "")")
        }
        path.ignore(other)
        guard let type, let text = path.string(isPrefix ? "replacePrefixMatch" : "replaceFullPath", required: true)
        else {
            return nil
        }
        guard let replacement = canonical(text, isPrefix, path.sink) else { return nil }
        guard isPrefix else { return .full(Array(replacement.utf8)) }
        guard case .rule(let matches) = holder, matches.count == 1, case .prefix(let matched) = matches[0].path else {
            path.sink.error(
                at: type.place, reason: .incompatibleFilters,
                "needs a rule with exactly one match, whose path is a PathPrefix")
            return nil
        }
        return .prefix(matched, to: replacement)
    }

    /// The same form that the paths of requests have.
    private static func canonical(_ text: Located<String>, _ isPrefix: Bool, _ sink: DiagnosticSink) -> String? {
        if isPrefix, text.value.isEmpty { return "" }
        switch Syntax.path(text.value) {
        case .success(let path): return path
        case .failure(let problem):
            sink.error(at: text.place, problem.message)
            return nil
        }
    }
}

extension Redirect {
    init(_ object: ObjectReader, _ holder: RouteDocument.Filter.Holder) {
        var object = object
        defer { object.finish() }
        self.init(
            scheme: object.choice("scheme", of: ["http", "https"])?.value, hostname: object.oneHostname(),
            port: object.port("port").map { Int($0.value) }, path: PathChange.read(&object, holder),
            statusCode: Self.statusCode(&object))
    }

    private static func statusCode(_ redirect: inout ObjectReader) -> Int {
        guard let code = redirect.integer("statusCode", in: 300...399) else { return 302 }
        if ![301, 302, 303, 307, 308].contains(code.value) {
            redirect.sink.error(at: code.place, "must be 301, 302, 303, 307 or 308")
        }
        return code.value
    }
}

extension URLRewrite {
    init(_ object: ObjectReader, _ holder: RouteDocument.Filter.Holder) {
        var object = object
        self.init(hostname: object.oneHostname(), path: PathChange.read(&object, holder))
        object.finish()
        if !object.hasField(where: { $0 == "hostname" || $0 == "path" }) {
            object.sink.error(at: object.place, "needs hostname, path or both")
        }
    }
}

extension ObjectReader {
    /// `hostname`, which must not be a wildcard.
    fileprivate mutating func oneHostname() -> String? {
        guard let hostname = hostname("hostname") else { return nil }
        if case .wildcard = hostname.value {
            sink.error(at: hostname.place, "must be one host, without \"*\"")
        }
        return hostname.value.description
    }
}
