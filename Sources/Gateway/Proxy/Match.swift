import Routing
import Wire

/// How a request is put to the route table: one way for those that are served and those that are explained.
extension RouteTable {
    /// Finds the rule for a request whose target is canonical.
    ///
    /// - Parameters:
    ///   - listener: the place in `listeners` of the one that the request arrived at.
    ///   - host: replaced by the request's host, in lower case and without port; its capacity is kept.
    /// - Returns: nil when the request does not say which host it is for.
    func match(_ request: borrowing RequestHead, listener: Int, host: inout [UInt8]) -> Decision? {
        guard request.readHost(into: &host) else { return nil }
        let name = host.span
        return request.withPath { path in
            request.withMethod { method in
                match(listener: listener, host: name, path: path, method: method) { request.headers.holds($0) }
            }
        }
    }
}

extension RequestHead {
    /// - Returns: false when there is no valid host. HTTP/1.0 may come without one; then only routes for every host match.
    borrowing func readHost(into host: inout [UInt8]) -> Bool {
        withAuthority { authority in
            do throws(AuthorityError) {
                _ = try Authority.lowercasedHost(of: authority, into: &host)
                return true
            } catch {
                host.removeAll(keepingCapacity: true)
                return authority.isEmpty && version == .http10
            }
        }
    }
}

extension HeaderBlock {
    /// Whether the first field of that name has that value.
    func holds(_ condition: HeaderCondition) -> Bool {
        for index in indices where !isRemoved(at: index) {
            let isNamed = withName(at: index) { $0.equals(condition.nameBytes) }
            if isNamed { return withValue(at: index) { $0.equals(condition.valueBytes) } }
        }
        return false
    }
}

extension Span<UInt8> {
    func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}
