extension FilterChain {
    /// Each filter in words, in the order in which they are applied.
    public var descriptions: [String] {
        var found: [String] = []
        if let crossOrigin { found.append("CORS: \(crossOrigin)") }
        if let requestHeaders { found.append("request headers: \(requestHeaders)") }
        if let rewrite { found.append("rewrite: \(rewrite)") }
        found += mirrors.map { "mirror: \($0.numerator)/\($0.denominator) to \($0.backend.name)" }
        if let responseHeaders { found.append("response headers: \(responseHeaders)") }
        return found
    }
}

extension HeaderChanges: CustomStringConvertible {
    /// Values are left out: they may be secret.
    public var description: String {
        func names(_ word: String, _ names: [[UInt8]]) -> String? {
            names.isEmpty ? nil : "\(word) \(names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", "))"
        }
        return [names("set", set.map(\.name)), names("add", add.map(\.name)), names("remove", remove)]
            .compactMap(\.self).joined(separator: "; ")
    }
}

extension PathChange: CustomStringConvertible {
    public var description: String {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        switch self {
        case .full(let path): return "path \(text(path))"
        case .prefix(let matched, _, let whole):
            return "prefix \(matched.isEmpty ? "/" : text(matched)) to \(text(whole))"
        }
    }
}

extension URLRewrite: CustomStringConvertible {
    public var description: String {
        let host = hostname.map { "host \(String(decoding: $0, as: UTF8.self))" }
        return [host, path?.description].compactMap(\.self).joined(separator: ", ")
    }
}

extension CrossOriginRules: CustomStringConvertible {
    public var description: String {
        let origins = origins.map { origin in
            switch origin {
            case .any: "*"
            case .exact(let text): String(decoding: text, as: UTF8.self)
            case .pattern(let before, let after):
                String(decoding: before, as: UTF8.self) + "*" + String(decoding: after, as: UTF8.self)
            }
        }
        var parts = ["origins \(origins.joined(separator: ", "))"]
        if !methods.isEmpty { parts.append("methods \(methods.joined(separator: ", "))") }
        if !headers.isEmpty { parts.append("headers \(headers.joined(separator: ", "))") }
        if allowsCredentials { parts.append("with credentials") }
        return parts.joined(separator: "; ")
    }
}
