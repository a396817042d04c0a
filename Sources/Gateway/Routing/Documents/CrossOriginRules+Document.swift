extension CrossOriginRules {
    /// Reads `cors` (GEP-1767).
    init(_ object: ObjectReader) {
        var object = object
        self.init()
        for text in object.strings("allowOrigins") ?? [] {
            guard let origin = Self.origin(text.value) else {
                object.sink.error(
                    at: text.place,
                    "must be \"*\" or an origin such as https://shop.example.com:8443, perhaps with \"*.\" before its host"
                )
                continue
            }
            origins.append(origin)
        }
        methods = Self.tokens(&object, "allowMethods").map { $0.uppercased() }
        headers = Self.tokens(&object, "allowHeaders").map { $0.lowercased() }
        exposedHeaders = Self.tokens(&object, "exposeHeaders")
        maximumAgeSeconds = object.integer("maxAge", in: 1...86_400)?.value ?? 5
        allowsCredentials = object.bool("allowCredentials")?.value ?? false
        object.finish()
    }

    private static func tokens(_ object: inout ObjectReader, _ name: String) -> [String] {
        let found = object.strings(name) ?? []
        for text in found {
            if !Syntax.isToken(text.value) { object.sink.error(at: text.place, "must be a name or \"*\"") }
            if text.value == "*", found.count > 1 { object.sink.error(at: text.place, "\"*\" stands alone") }
        }
        return found.map(\.value)
    }

    /// A serialised origin (RFC 6454 §6.2), lower case, perhaps with a wildcard for the first labels of its host.
    static func origin(_ text: String) -> Origin? {
        if text == "*" { return .any }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"),
            ["http", "https"].contains(String(text[..<colon]))
        else { return nil }
        let scheme = String(text[..<colon]) + "://"
        var host = text.dropFirst(scheme.count)
        var port = ""
        if let separator = host.lastIndex(of: ":") {
            port = String(host[separator...])
            guard let number = Int(port.dropFirst()), (1...65_535).contains(number) else { return nil }
            host = host[..<separator]
        }
        if host == "*" { return .pattern(before: Array(scheme.utf8), after: Array(port.utf8)) }
        switch Syntax.hostname(String(host)) {
        case .failure: return isAddress(host) ? .exact(Array(text.utf8)) : nil
        case .success(.wildcard(let suffix)):
            return .pattern(before: Array(scheme.utf8), after: Array((suffix + port).utf8))
        case .success: return .exact(Array(text.utf8))
        }
    }

    /// Pages of a laptop or a device are often at an address.
    private static func isAddress(_ host: Substring) -> Bool {
        host.split(separator: ".", omittingEmptySubsequences: false).count == 4
            && host.split(separator: ".").allSatisfy { Int($0).map { (0...255).contains($0) } ?? false }
    }
}
