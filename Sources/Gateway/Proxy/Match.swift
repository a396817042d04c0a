import Routing
import Wire

/// How a request is put to the route table: one way for those that are served and those that are explained.
extension RouteTable {
    /// Finds the rule for a request whose target is canonical.
    ///
    /// - Parameters:
    ///   - listener: the place in `listeners` of the one that the request arrived at.
    ///   - host: what `readHost` has read.
    func match(_ request: borrowing RequestHead, listener: Int, host: Span<UInt8>) -> Decision {
        request.withPathAndQuery { path, query in
            request.withMethod { method in
                match(listener: listener, host: host, path: path, query: query, method: method) {
                    request.headers.holds($0)
                }
            }
        }
    }
}

extension Snapshot {
    /// As the table's own. A class asks here, because a table that is handed on is copied: a reference for each of its
    /// arrays.
    func match(_ request: borrowing RequestHead, listener: Int, host: Span<UInt8>) -> RouteTable.Decision {
        request.withPathAndQuery { path, query in
            request.withMethod { method in
                routes.match(listener: listener, host: host, path: path, query: query, method: method) {
                    request.headers.holds($0)
                }
            }
        }
    }
}

extension RequestHead {
    /// - Parameter host: replaced by the request's host, in lower case and without port; its capacity is kept.
    /// - Returns: false when there is no valid host. HTTP/1.0 may come without one; then only routes for every host match.
    borrowing func readHost(into host: inout [UInt8]) -> Bool {
        do throws(AuthorityError) {
            try lowercasedHost(into: &host)
            return true
        } catch {
            host.removeAll(keepingCapacity: true)
            return version == .http10 && withAuthority { $0.isEmpty }
        }
    }
}

extension HeaderBlock {
    /// Whether there is a field of that name with that value. Several lines are one value with commas (RFC 9110 §5.3).
    func holds(_ condition: HeaderCondition) -> Bool {
        for index in indices where !isRemoved(at: index) {
            let isNamed = withName(at: index) { $0.equals(condition.nameBytes) }
            guard isNamed else { continue }
            if count(of: condition.nameBytes) > 1 { return condition.value.matches(joined(condition.nameBytes).span) }
            return withValue(at: index) { condition.value.matches($0) }
        }
        return false
    }

    private func joined(_ wanted: [UInt8]) -> [UInt8] {
        var joined: [UInt8] = []
        forEach { name, value, _ in
            guard name.equals(wanted) else { return }
            if !joined.isEmpty { joined.append(UInt8(ascii: ",")) }
            joined.append(bytes: value)
        }
        return joined
    }
}

extension Span<UInt8> {
    func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}
