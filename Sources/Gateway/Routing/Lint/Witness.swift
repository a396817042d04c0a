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
    public var headers: [HeaderCondition]
}

extension Witness: CustomStringConvertible {
    public var url: String {
        let isDefault = port == (isTLS ? 443 : 80)
        return "\(isTLS ? "https" : "http")://\(host)" + (isDefault ? "" : ":\(port)") + path
    }

    /// As `gatehouse explain` takes it: `'GET https://host/path' -H 'name: value'`.
    public var description: String {
        let fields = headers.map { " -H \(Self.quoted("\($0.name): \($0.value)"))" }.joined()
        return headers.isEmpty ? "\(method) \(url)" : Self.quoted("\(method) \(url)") + fields
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
            method: Array(witness.method.utf8).span
        ) { condition in
            witness.headers.first { $0.name == condition.name }.map { $0.value == condition.value } ?? false
        }
    }

    func explanation(of witness: Witness) -> Explanation {
        explain(
            listener: witness.listener, host: Array(witness.host.utf8).span, path: Array(witness.path.utf8).span,
            method: Array(witness.method.utf8).span
        ) { condition in
            witness.headers.first { $0.name == condition.name }.map { $0.value == condition.value } ?? false
        }
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
            method: entry.method ?? Self.methods[0], headers: entry.headers)
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
        case .prefix(let prefix):
            var trimmed = prefix
            while trimmed.hasSuffix("/") { trimmed.removeLast() }
            return [trimmed.isEmpty ? "/" : trimmed, "\(trimmed)/witness", "\(trimmed)/", "\(trimmed)/witness/1"]
        }
    }
}
