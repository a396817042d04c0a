extension RouteDocument.Match {
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]

    /// An `HTTPRouteMatch`.
    init(http object: ObjectReader) {
        var object = object
        path = Self.path(&object)
        method = object.choice("method", of: Self.methods, unsupported: ["CONNECT"])?.value
        headers = Self.headers(&object)
        queryParameters = Self.queryParameters(&object)
        object.finish()
    }

    /// A `GRPCRouteMatch`: a gRPC request's path is "/service/method".
    init(grpc object: ObjectReader) {
        var object = object
        path = object.object("method").map { Self.grpcPath($0) } ?? .prefix("/")
        method = nil
        headers = Self.headers(&object)
        queryParameters = []
        object.finish()
    }

    private static func path(_ match: inout ObjectReader) -> PathCondition {
        guard var path = match.object("path") else { return .prefix("/") }
        defer { path.finish() }
        let type = path.choice("type", of: ["Exact", "PathPrefix", "RegularExpression"])
        guard let text = path.string("value") else { return .prefix("/") }
        if type?.value == "RegularExpression" {
            return match.expression(text).map { .regularExpression($0) } ?? .prefix("/")
        }
        switch Syntax.path(text.value) {
        case .success(let canonical):
            return type?.value == "Exact" ? .exact(canonical) : .prefix(canonical)
        case .failure(let problem):
            match.sink.error(at: text.place, problem.message)
            return .prefix("/")
        }
    }

    private static func grpcPath(_ object: ObjectReader) -> PathCondition {
        var object = object
        defer { object.finish() }
        let type = object.choice("type", of: ["Exact", "RegularExpression"])
        let service = object.string("service")
        let method = object.string("method")
        if service == nil, method == nil {
            object.sink.error(at: object.place, "needs a service, a method or both")
            return .prefix("/")
        }
        if type?.value == "RegularExpression" {
            for part in [service, method].compactMap(\.self) where object.expression(part) == nil {
                return .prefix("/")
            }
            let text = "/(?:\(service?.value ?? "[^/]+"))/(?:\(method?.value ?? "[^/]+"))"
            return object.expression(Located(text, at: object.place)).map { .regularExpression($0) } ?? .prefix("/")
        }
        for part in [service, method].compactMap(\.self) where !Syntax.isDottedName(part.value) {
            object.sink.error(at: part.place, "must be a name of letters, digits, \"_\" and \".\"")
            return .prefix("/")
        }
        switch (service?.value, method?.value) {
        case (let service?, let method?): return .exact("/\(service)/\(method)")
        case (let service?, nil): return .prefix("/\(service)")
        case (nil, let method):
            let text = Located("/[^/]+/\(method ?? "")", at: object.place)
            return object.expression(text).map { .regularExpression($0) } ?? .prefix("/")
        }
    }

    private static func headers(_ match: inout ObjectReader) -> [HeaderCondition] {
        var conditions: [HeaderCondition] = []
        for var header in match.objects("headers") ?? [] {
            guard let (name, value) = condition(&header) else { continue }
            if !Syntax.isToken(name.value) { match.sink.error(at: name.place, "must be the name of a field") }
            let condition = HeaderCondition(name: name.value, value: value)
            if conditions.contains(where: { $0.name == condition.name }) {
                match.sink.error(at: name.place, "the field has a condition already")
            }
            conditions.append(condition)
        }
        return conditions
    }

    private static func queryParameters(_ match: inout ObjectReader) -> [QueryCondition] {
        var conditions: [QueryCondition] = []
        for var parameter in match.objects("queryParams") ?? [] {
            guard let (name, value) = condition(&parameter) else { continue }
            if name.value.isEmpty { match.sink.error(at: name.place, "must not be empty") }
            if conditions.contains(where: { $0.name == name.value }) {
                match.sink.error(at: name.place, "the parameter has a condition already")
            }
            conditions.append(QueryCondition(name: name.value, value: value))
        }
        return conditions
    }

    private static func condition(_ object: inout ObjectReader) -> (name: Located<String>, value: ValueCondition)? {
        defer { object.finish() }
        let type = object.choice("type", of: ["Exact", "RegularExpression"])
        let name = object.string("name", required: true)
        let value = object.string("value", required: true)
        guard let name, let value else { return nil }
        guard type?.value == "RegularExpression" else { return (name, .exact(Array(value.value.utf8))) }
        return object.expression(value).map { (name, .regularExpression($0)) }
    }
}

extension ObjectReader {
    /// Compiles a regular expression, or reports why it cannot be.
    func expression(_ text: Located<String>) -> RegularExpression? {
        do throws(SyntaxError) {
            return try RegularExpression(text.value)
        } catch {
            sink.error(at: text.place, error.message)
            return nil
        }
    }
}
