/// Why a request goes where it goes: what became of every entry of a route table.
///
/// A second reading of the same entries that `RouteIndex` is compiled from, one after the other. That both say the same
/// is a test's business: "explain says what the table does".
public struct Explanation: Sendable {
    /// What of an entry does not hold, in the order in which the specification weighs them.
    public enum Condition: Sendable, Hashable {
        /// It belongs to another listener.
        case listener
        case hostname
        case path
        case method
        case header(HeaderCondition)
        case query(QueryCondition)
    }

    public enum Verdict: Sendable, Hashable {
        /// The request is its.
        case serves
        /// All of its conditions hold, but an entry before it serves.
        case comesLater
        /// The first condition that does not hold.
        case fails(Condition)
    }

    /// The place in `RouteTable.listeners` of the one whose routes were asked.
    public let listener: Int
    /// Whether that listener's hostname covers the request's host.
    public let isHostServed: Bool
    /// By the place in `RouteTable.entries`.
    public let verdicts: [Verdict]
    /// The place in `RouteTable.entries` of the one that serves.
    public let serving: Int?
}

extension RouteTable {
    /// Looks at every entry. Linear in their number: for people, not for requests.
    ///
    /// The parameters are those of `match`.
    public func explain(
        listener arrivedAt: Int, host: Span<UInt8>, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>,
        header: (HeaderCondition) -> Bool
    ) -> Explanation {
        let listener = answering(at: arrivedAt, for: host)
        let isHostServed = listeners[listener].hostname.covers(host) && host.count <= RouteIndex.longestHost
        var verdicts: [Explanation.Verdict] = []
        var serving: Int?
        for (place, entry) in entries.enumerated() {
            if entry.listener != listener {
                verdicts.append(.fails(.listener))
            } else if !isHostServed {
                verdicts.append(.fails(.hostname))
            } else {
                let failed = entry.firstFailure(host: host, path: path, query: query, method: method, header: header)
                verdicts.append(failed.map { .fails($0) } ?? (serving == nil ? .serves : .comesLater))
                if failed == nil, serving == nil { serving = place }
            }
        }
        return Explanation(listener: listener, isHostServed: isHostServed, verdicts: verdicts, serving: serving)
    }
}

extension RouteEntry {
    /// The first condition that does not hold; nil when all do.
    func firstFailure(
        host: Span<UInt8>, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>,
        header: (HeaderCondition) -> Bool
    ) -> Explanation.Condition? {
        if !hostname.covers(host) { return .hostname }
        if !self.path.holds(path) { return .path }
        if let wanted = self.method, !method.isText(wanted) { return .method }
        for condition in headers where !header(condition) { return .header(condition) }
        for condition in queryParameters where !condition.holds(in: query) { return .query(condition) }
        return nil
    }
}

extension PathCondition {
    /// Whether a canonical path is what is asked for.
    func holds(_ path: Span<UInt8>) -> Bool {
        guard path.count > 0, path[0] == UInt8(ascii: "/") else { return false }
        switch self {
        case .exact(let text): return path.isText(text)
        case .prefix(let text):
            var text = text[...]
            while text.hasSuffix("/") { text.removeLast() }
            let count = text.utf8.count
            guard path.count >= count, path.extracting(0..<count).isText(text) else { return false }
            return path.count == count || path[count] == UInt8(ascii: "/")
        case .regularExpression(let expression): return expression.matches(path)
        }
    }
}

extension Span<UInt8> {
    /// Whether these are the bytes of `text`.
    func isText(_ text: some StringProtocol) -> Bool {
        guard count == text.utf8.count else { return false }
        for (index, byte) in text.utf8.enumerated() where self[index] != byte { return false }
        return true
    }
}
