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

extension RouteTable {
    /// Whether a request that `rule` serves would be another rule's with the path `plain`.
    ///
    /// - Parameter plain: how some servers read the path of `request`; see `RequestHead.readPlainPath`. Nobody knows which of
    ///   the two was meant, and the other rule may be closed.
    func leads(
        _ plain: Span<UInt8>, of request: borrowing RequestHead, elsewhereThan rule: RouteRule, listener: Int,
        host: Span<UInt8>
    ) -> Bool {
        let decision = request.withPathAndQuery { _, query in
            request.withMethod { method in
                match(listener: listener, host: host, path: plain, query: query, method: method) {
                    request.headers.holds($0)
                }
            }
        }
        if case .rule(let other) = decision { return other !== rule }
        return false
    }
}

extension RequestHead {
    /// Reads the path as servers do that drop what follows a `;` in a segment, or that decode before they look for `;`, `?`
    /// and `#`, and take several slashes for one.
    ///
    /// - Parameter path: replaced by that path, if there may be a difference; its capacity is kept.
    /// - Returns: whether there is one.
    borrowing func readPlainPath(into path: inout [UInt8]) -> Bool {
        withPath { original in
            var mayDiffer = false
            for index in original.indices
            where original[index] == UInt8(ascii: ";") || original[index] == UInt8(ascii: "%") {
                mayDiffer = true
                break
            }
            guard mayDiffer else { return false }
            path.removeAll(keepingCapacity: true)
            var isParameter = false
            var index = 0
            while index < original.count {
                let byte = original[index]
                if byte == UInt8(ascii: "/") {
                    isParameter = false
                    if path.last != byte { path.append(byte) }
                } else if byte == UInt8(ascii: ";") || original.hasEscape("3", "B", at: index) {
                    isParameter = true
                } else if original.hasEscape("3", "F", at: index) || original.hasEscape("2", "3", at: index) {
                    break
                } else if !isParameter {
                    path.append(byte)
                }
                index += 1
            }
            return !original.equals(path)
        }
    }

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
    /// Whether the escape of these two digits is there; canonical paths have capitals.
    fileprivate func hasEscape(_ high: Unicode.Scalar, _ low: Unicode.Scalar, at index: Int) -> Bool {
        index + 2 < count && self[index] == UInt8(ascii: "%") && self[index + 1] == UInt8(ascii: high)
            && self[index + 2] == UInt8(ascii: low)
    }

    func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}
