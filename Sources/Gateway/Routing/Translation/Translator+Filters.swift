extension Translator {
    /// What a rule comes to besides its conditions.
    struct ResolvedRule {
        var backends: [WeightedBackend] = []
        var unresolvedWeight = 0
        var filters: FilterChain?
        /// A filter that is needed is not there: every request is answered with 500.
        var isDead = false
    }

    mutating func resolve(
        _ rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument,
        _ references: inout References
    ) -> ResolvedRule {
        var resolved = ResolvedRule()
        for reference in rule.backends {
            guard let backend = backend(for: reference, of: route, at: gateway, &references) else {
                resolved.unresolvedWeight += reference.weight
                continue
            }
            let filters = chain(of: reference.filters, mirrors: [])
            resolved.backends.append(WeightedBackend(backend: backend, weight: reference.weight, filters: filters))
        }
        var mirrors: [RequestMirror] = []
        for filter in rule.filters {
            switch filter {
            case .mirror(let reference, let numerator, let denominator):
                // A mirror that does not resolve fails nothing but itself.
                guard let backend = backend(for: reference, of: route, at: gateway, &references) else { continue }
                mirrors.append(RequestMirror(backend: backend, numerator: numerator, denominator: denominator))
            case .custom(let name):
                let message = "there is no filter \(name.value) in this gateway"
                references.fail(.invalidKind, message)
                sink.error(at: name.place, reason: .invalidKind, message)
                resolved.isDead = true
            default: break
            }
        }
        resolved.filters = chain(of: rule.filters, mirrors: mirrors)
        return resolved
    }

    private func chain(of filters: [RouteDocument.Filter], mirrors: [RequestMirror]) -> FilterChain? {
        var (request, response): (HeaderChanges?, HeaderChanges?)
        var rewrite: URLRewrite?
        var crossOrigin: CrossOriginRules?
        for filter in filters {
            switch filter {
            case .requestHeaders(let changes): request = changes
            case .responseHeaders(let changes): response = changes
            case .rewrite(let found): rewrite = found
            case .crossOrigin(let rules): crossOrigin = rules
            case .redirect, .mirror, .custom: break
            }
        }
        guard request != nil || response != nil || rewrite != nil || crossOrigin != nil || !mirrors.isEmpty else {
            return nil
        }
        return FilterChain(
            requestHeaders: request, responseHeaders: response, rewrite: rewrite, mirrors: mirrors,
            crossOrigin: crossOrigin)
    }
}
