import Routing
import Wire

/// The filters of a rule and of the backend that was chosen: what is changed on the way there and back.
///
/// A rule's filters come first, then its backend's. Matching, authorizing and limiting have seen what the client sent; only
/// the endpoint sees what comes of it.
extension Exchange {
    // MARK: - On the way there

    /// Changes the head that the endpoint gets, once, whatever the attempts.
    func applyRequestFilters() {
        if let filters = rule?.filters, filters.changesRequest { applyToRequest(filters) }
        if let filters = backendFilters, filters.changesRequest { applyToRequest(filters) }
    }

    private func applyToRequest(_ filters: FilterChain) {
        if let changes = filters.requestHeaders { request.headers.apply(changes) }
        guard let rewrite = filters.rewrite else { return }
        if let path = rewrite.path {
            worker.targetScratch.removeAll(keepingCapacity: true)
            request.withPathAndQuery { old, _ in path.apply(to: old, into: &worker.targetScratch) }
            if request.hasQuery {
                worker.targetScratch.append(UInt8(ascii: "?"))
                request.withQuery { worker.targetScratch.append(bytes: $0) }
            }
            let target = worker.targetScratch
            request.rewriteTarget(target.span)
        }
        if let hostname = rewrite.hostname { request.rewriteAuthority(hostname.span) }
    }

    // MARK: - On the way back

    /// Changes the endpoint's head before the client gets it.
    func applyResponseFilters() {
        if let changes = backendFilters?.responseHeaders { response.headers.apply(changes) }
        guard let filters = rule?.filters, filters.changesResponse else { return }
        if let changes = filters.responseHeaders { response.headers.apply(changes) }
        if filters.hasCrossOrigin { allowOrigin(filters) }
    }

    // MARK: - CORS

    /// Looks at the origin of the page that asks (Fetch standard, "CORS protocol"), and answers a preflight request.
    ///
    /// - Returns: whether the request is answered.
    func answersPreflight(_ filters: FilterChain) -> Bool {
        guard request.headers.contains("origin"), let rules = filters.crossOrigin else { return false }
        let origin: Bool? = request.headers.withValue(of: "origin") { value in
            guard rules.allows(value) else { return false }
            allowedOrigin.replace(with: value)
            return true
        }
        guard origin != nil, request.isPreflight else { return false }
        response.reset()
        response.status = 204
        if !allowedOrigin.isEmpty {
            answer(
                "access-control-allow-methods", rules.methods, asked: "access-control-request-method",
                rules.allowsCredentials)
            answer(
                "access-control-allow-headers", rules.headers, asked: "access-control-request-headers",
                rules.allowsCredentials)
            response.headers.append("access-control-max-age", UInt64(rules.maximumAgeSeconds))
        }
        response.headers.append(
            "vary", "origin, access-control-request-method, access-control-request-headers")
        respondEmpty(.preflight)
        return true
    }

    /// With credentials "*" is a name like any other (Fetch standard), so that what was asked for is named.
    private func answer(_ name: StaticString, _ allowed: [String], asked: StaticString, _ hasCredentials: Bool) {
        guard !allowed.isEmpty else { return }
        guard hasCredentials, allowed == ["*"] else {
            response.headers.append(name, text: allowed.joined(separator: ", "))
            return
        }
        request.headers.withValue(of: asked) { response.headers.append(name, $0) }
    }

    private static let originName = Array("origin".utf8)

    /// Whether an endpoint's field says what is ours to say.
    private static func allowsOrigin(_ name: Span<UInt8>) -> Bool {
        FieldRules.equalsIgnoringCase(name, "access-control-allow-origin")
            || FieldRules.equalsIgnoringCase(name, "access-control-allow-credentials")
            || FieldRules.equalsIgnoringCase(name, "access-control-expose-headers")
    }

    /// Tells the browser that the page may read the response: an endpoint's, or our own.
    func allowOrigin(_ filters: FilterChain) {
        // The length decides nearly always.
        for index in response.headers.indices where response.headers.field(at: index).nameCount >= 27 {
            if response.headers.withName(at: index, { Self.allowsOrigin($0) }) { response.headers.remove(at: index) }
        }
        if outcome != .preflight { response.headers.append(own: "vary", Self.originName) }
        guard !allowedOrigin.isEmpty, let rules = filters.crossOrigin else { return }
        if rules.origins.contains(.any), !rules.allowsCredentials {
            response.headers.append("access-control-allow-origin", "*")
        } else {
            response.headers.append("access-control-allow-origin", allowedOrigin)
        }
        if rules.allowsCredentials { response.headers.append("access-control-allow-credentials", "true") }
        if !rules.exposedHeaders.isEmpty, outcome != .preflight {
            response.headers.append(
                "access-control-expose-headers", text: rules.exposedHeaders.joined(separator: ", "))
        }
    }
}

extension RequestHead {
    /// Whether a browser asks whether a page may send a request.
    var isPreflight: Bool {
        headers.contains("origin") && methodIs("OPTIONS") && headers.contains("access-control-request-method")
    }
}

extension HeaderBlock {
    mutating func apply(_ changes: HeaderChanges) {
        for field in changes.set {
            removeAll { $0.equals(field.name) }
            append(name: field.name.span, value: field.value.span)
        }
        for field in changes.add { append(name: field.name.span, value: field.value.span) }
        for name in changes.remove { removeAll { $0.equals(name) } }
    }
}

extension CrossOriginRules {
    /// Browsers write an origin in lower case (RFC 6454 §6.2).
    func allows(_ origin: Span<UInt8>) -> Bool {
        for allowed in origins {
            switch allowed {
            case .any: return true
            case .exact(let text): if origin.equals(text) { return true }
            case .pattern(let before, let after):
                guard origin.count > before.count + after.count,
                    origin.extracting(0..<before.count).equals(before),
                    origin.extracting((origin.count - after.count)..<origin.count).equals(after)
                else { continue }
                // What the asterisk stands for is labels of a host: no user, port or path.
                let rest = origin.extracting(before.count..<(origin.count - after.count))
                if rest.isHostPart { return true }
            }
        }
        return false
    }
}

extension Span<UInt8> {
    fileprivate var isHostPart: Bool {
        for index in indices {
            switch self[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                break
            default: return false
            }
        }
        return true
    }
}
