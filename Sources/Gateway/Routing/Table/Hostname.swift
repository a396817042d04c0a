/// A host or a set of hosts, as listeners and routes name them (Gateway API `Hostname`).
///
/// The text is lower case. A wildcard stands for one or more whole labels: `*.example.com` covers `a.example.com` and
/// `a.b.example.com`, not `example.com`.
public enum Hostname: Sendable, Hashable, CustomStringConvertible {
    case any
    case exact(String)
    /// The part after the asterisk, beginning with a dot: ".example.com".
    case wildcard(suffix: String)

    public var description: String {
        switch self {
        case .any: "*"
        case .exact(let name): name
        case .wildcard(let suffix): "*\(suffix)"
        }
    }

    /// Whether a request for `host` (lower case, no port) falls under this name.
    public func covers(_ host: Span<UInt8>) -> Bool {
        switch self {
        case .any:
            return true
        case .exact(let name):
            return host.count == name.utf8.count && endsWith(name, host)
        case .wildcard(let suffix):
            return host.count > suffix.utf8.count && endsWith(suffix, host)
        }
    }

    /// What both names cover, or nil when they have no host in common. The narrower of the two is the answer.
    public func intersection(_ other: Hostname) -> Hostname? {
        switch (self, other) {
        case (.any, _): other
        case (_, .any): self
        case (.exact(let name), _): other.covers(Array(name.utf8).span) ? self : nil
        case (_, .exact(let name)): covers(Array(name.utf8).span) ? other : nil
        case (.wildcard(let left), .wildcard(let right)):
            left.hasSuffix(right) ? self : right.hasSuffix(left) ? other : nil
        }
    }

    private func endsWith(_ suffix: String, _ host: Span<UInt8>) -> Bool {
        var index = host.count - suffix.utf8.count
        guard index >= 0 else { return false }
        for byte in suffix.utf8 {
            if host[index] != byte { return false }
            index += 1
        }
        return true
    }
}
