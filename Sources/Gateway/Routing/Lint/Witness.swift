/// A request that shows what a route table does with one of its entries.
public struct Witness: Sendable, Hashable {
    /// A place in `RouteTable.listeners`.
    public var listener: Int
    /// Of the listener, as its document declares them.
    public var isTLS: Bool
    public var port: UInt16
    public var host: String
    public var path: String
    public var method: String
    /// With exact values.
    public var headers: [HeaderCondition]
    /// With exact values.
    public var queryParameters: [QueryCondition] = []

    /// What follows the "?" of its URL.
    var query: String {
        queryParameters.map { Self.encoded($0.name) + "=" + Self.encoded("\($0.value)") }.joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = ByteClass.word.contains(byte) || "-.~".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (digits.count == 1 ? "0" : "") + digits
        }
        .joined()
    }
}

extension Witness: CustomStringConvertible {
    public var url: String {
        let isDefault = port == (isTLS ? 443 : 80)
        return "\(isTLS ? "https" : "http")://\(host)" + (isDefault ? "" : ":\(port)") + path
            + (queryParameters.isEmpty ? "" : "?\(query)")
    }

    /// As `gatehouse explain` takes it: `'GET https://host/path' -H 'name: value'`.
    public var description: String {
        let fields = headers.map { " -H \(Self.quoted("\($0.name): \($0.value)"))" }.joined()
        return headers.isEmpty ? "\(method) \(url)" : Self.quoted("\(method) \(url)") + fields
    }

    func holds(_ condition: HeaderCondition) -> Bool {
        headers.first { $0.name == condition.name }.map { condition.value.matches(Array("\($0.value)".utf8).span) }
            ?? false
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

extension RouteTable {
    /// What the table decides about a witness.
    public func decision(on witness: Witness) -> Decision {
        match(
            listener: witness.listener, host: Array(witness.host.utf8).span, path: Array(witness.path.utf8).span,
            query: Array(witness.query.utf8).span, method: Array(witness.method.utf8).span, header: witness.holds)
    }

    func explanation(of witness: Witness) -> Explanation {
        explain(
            listener: witness.listener, host: Array(witness.host.utf8).span, path: Array(witness.path.utf8).span,
            query: Array(witness.query.utf8).span, method: Array(witness.method.utf8).span, header: witness.holds)
    }

    /// A request that the rule of `entry` serves, verified by the table; nil when none of the likely ones is.
    ///
    /// What more specific entries take away from it (methods, paths, hosts) is avoided by trying others.
    public func witness(of entry: RouteEntry) -> Witness? {
        for witness in candidates(for: entry) {
            if case .rule(let rule) = decision(on: witness), rule.index == entry.rule { return witness }
        }
        return nil
    }

    /// The plainest request for which all conditions of the entry hold.
    func plainest(for entry: RouteEntry) -> Witness {
        Witness(
            listener: entry.listener, isTLS: listeners[entry.listener].transport == .https,
            port: listeners[entry.listener].port, host: hosts(of: entry)[0], path: Self.paths(of: entry.path)[0],
            method: entry.method ?? Self.methods[0],
            headers: entry.headers.map { HeaderCondition(name: $0.name, value: $0.value.example) },
            queryParameters: entry.queryParameters.map { QueryCondition(name: $0.name, value: $0.value.example) })
    }

    private static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "WITNESS"]

    private func candidates(for entry: RouteEntry) -> [Witness] {
        var found: [Witness] = []
        for path in Self.paths(of: entry.path) {
            for method in entry.method.map({ [$0] }) ?? Self.methods {
                for host in hosts(of: entry) {
                    var witness = plainest(for: entry)
                    (witness.host, witness.path, witness.method) = (host, path, method)
                    found.append(witness)
                }
            }
        }
        return found
    }

    private func hosts(of entry: RouteEntry) -> [String] {
        switch entry.hostname {
        case .exact(let name): return [name]
        case .wildcard(let suffix): return ["www\(suffix)", "witness\(suffix)", "a.witness\(suffix)"]
        case .any: return ["localhost", "witness.example", "a.witness.example"]
        }
    }

    private static func paths(of condition: PathCondition) -> [String] {
        switch condition {
        case .exact(let path): return [path]
        case .regularExpression(let expression): return [expression.example ?? "/"]
        case .prefix(let prefix):
            var trimmed = prefix
            while trimmed.hasSuffix("/") { trimmed.removeLast() }
            return [trimmed.isEmpty ? "/" : trimmed, "\(trimmed)/witness", "\(trimmed)/", "\(trimmed)/witness/1"]
        }
    }
}

extension ValueCondition {
    /// A value that it holds for; where none is found, a condition that nothing meets.
    var example: ValueCondition {
        guard case .regularExpression(let expression) = self else { return self }
        return .exact(Array((expression.example ?? "").utf8))
    }
}
