/// The entries of a route table, arranged so that a match walks the host and the path once and allocates nothing.
///
/// Hosts are found in a table (exact name, then each suffix from the longest, then the host-less entries of the
/// listener). Each leads to the root of a tree of path elements. The walk goes down as far as the path has nodes, then
/// climbs back towards the root: an exact path first, then regular expressions, then prefixes from the longest. At each node the candidates lie in
/// order of precedence, so the first that holds is the answer. That order is the specification's (Gateway API v1,
/// `HTTPRouteSpec.hostnames` and `HTTPRouteRule.matches`): host, path kind, path length, method, number of headers, number
/// of query parameters, age, name, place in the document. Where regular expressions stand it leaves to implementations.
struct RouteIndex: Sendable {
    /// Names longer than this cannot exist (RFC 1035 §2.3.4), and are not looked at.
    static let longestHost = 253

    private struct Node {
        var parent: Int32
        var exact: Range<Int32> = 0..<0
        var prefix: Range<Int32> = 0..<0
        /// Only at a root.
        var patterns: Range<Int32> = 0..<0
    }

    private struct Candidate {
        var rule: Int32
        /// Empty: any.
        var method: [UInt8]
        var headers: [HeaderCondition]
        var queryParameters: [QueryCondition]
        /// Nil: the candidate's node says it all.
        var path: RegularExpression?
    }

    private var hosts = ByteTable()
    private var edges = ByteTable()
    private var nodes: [Node] = []
    private var candidates: [Candidate] = []
    /// By listener: the root of the entries without a hostname, or -1.
    private var anyHostRoots: [Int32]
    private var hasWildcards: [Bool]

    /// - Parameter entries: in order of precedence.
    init(listenerCount: Int, entries: [RouteEntry], rules: [RouteRule]) {
        anyHostRoots = Array(repeating: -1, count: listenerCount)
        hasWildcards = Array(repeating: false, count: listenerCount)
        var exact: [Int: [Candidate]] = [:]
        var prefix: [Int: [Candidate]] = [:]
        var patterns: [Int: [Candidate]] = [:]
        for entry in entries {
            var candidate = Candidate(
                rule: Int32(entry.rule), method: Array((entry.method ?? "").utf8), headers: entry.headers,
                queryParameters: entry.queryParameters)
            let root = root(of: entry.hostname, listener: entry.listener)
            switch entry.path {
            case .exact(let path): exact[node(at: path, below: root), default: []].append(candidate)
            case .prefix(let path):
                var path = path[...]
                while path.hasSuffix("/") { path.removeLast() }
                prefix[node(at: path, below: root), default: []].append(candidate)
            case .regularExpression(let expression):
                candidate.path = expression
                if rules[entry.rule].kind == .grpc {
                    prefix[root, default: []].append(candidate)
                } else {
                    patterns[root, default: []].append(candidate)
                }
            }
        }
        for index in nodes.indices {
            nodes[index].exact = append(exact[index] ?? [])
            nodes[index].prefix = append(prefix[index] ?? [])
            nodes[index].patterns = append(patterns[index] ?? [])
        }
    }

    /// The place of the rule that serves the request, or nil.
    func find(
        listener: Int, host: Span<UInt8>, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>,
        header: (HeaderCondition) -> Bool
    ) -> Int? {
        guard path.count > 0, path[0] == UInt8(ascii: "/"), host.count <= Self.longestHost else { return nil }
        if let root = hosts.find(host, scope: listener * 2),
            let rule = search(root, path: path, query: query, method: method, header: header)
        {
            return rule
        }
        if hasWildcards[listener] {
            for index in host.indices.dropFirst() where host[index] == UInt8(ascii: ".") {
                if let root = hosts.find(host.extracting(index...), scope: listener * 2 + 1),
                    let rule = search(root, path: path, query: query, method: method, header: header)
                {
                    return rule
                }
            }
        }
        let root = Int(anyHostRoots[listener])
        return root < 0 ? nil : search(root, path: path, query: query, method: method, header: header)
    }

    private func search(
        _ root: Int, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>, header: (HeaderCondition) -> Bool
    ) -> Int? {
        var node = root
        var position = 0
        while position < path.count {
            var end = position + 1
            while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            guard let child = edges.find(path.extracting(position + 1..<end), scope: node) else { break }
            node = child
            position = end
        }
        if position == path.count,
            let rule = first(of: nodes[node].exact, path: path, query: query, method: method, header: header)
        {
            return rule
        }
        if !nodes[root].patterns.isEmpty,
            let rule = first(of: nodes[root].patterns, path: path, query: query, method: method, header: header)
        {
            return rule
        }
        while true {
            if let rule = first(of: nodes[node].prefix, path: path, query: query, method: method, header: header) {
                return rule
            }
            if nodes[node].parent < 0 { return nil }
            node = Int(nodes[node].parent)
        }
    }

    private func first(
        of range: Range<Int32>, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>,
        header: (HeaderCondition) -> Bool
    ) -> Int? {
        for index in range {
            let index = Int(index)
            if !candidates[index].method.isEmpty, !equals(method, candidates[index].method) { continue }
            guard holds(candidates[index].headers, header), holds(candidates[index].queryParameters, query) else {
                continue
            }
            if let expression = candidates[index].path, !expression.matches(path) { continue }
            return Int(candidates[index].rule)
        }
        return nil
    }

    private func holds(_ conditions: [HeaderCondition], _ header: (HeaderCondition) -> Bool) -> Bool {
        for condition in conditions where !header(condition) { return false }
        return true
    }

    private func holds(_ conditions: [QueryCondition], _ query: Span<UInt8>) -> Bool {
        for condition in conditions where !condition.holds(in: query) { return false }
        return true
    }

    private func equals(_ left: Span<UInt8>, _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    private mutating func root(of hostname: Hostname, listener: Int) -> Int {
        switch hostname {
        case .any:
            if anyHostRoots[listener] < 0 { anyHostRoots[listener] = Int32(newNode(parent: -1)) }
            return Int(anyHostRoots[listener])
        case .exact(let name):
            return root(of: Array(name.utf8), scope: listener * 2)
        case .wildcard(let suffix):
            hasWildcards[listener] = true
            return root(of: Array(suffix.utf8), scope: listener * 2 + 1)
        }
    }

    private mutating func root(of name: [UInt8], scope: Int) -> Int {
        if let root = hosts.find(name.span, scope: scope) { return root }
        let root = newNode(parent: -1)
        hosts.insert(name.span, scope: scope, value: root)
        return root
    }

    private mutating func node(at path: some StringProtocol, below root: Int) -> Int {
        var node = root
        for element in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            let name = Array(element)
            if let child = edges.find(name.span, scope: node) {
                node = child
            } else {
                let child = newNode(parent: node)
                edges.insert(name.span, scope: node, value: child)
                node = child
            }
        }
        return node
    }

    private mutating func newNode(parent: Int) -> Int {
        nodes.append(Node(parent: Int32(parent)))
        return nodes.count - 1
    }

    private mutating func append(_ more: [Candidate]) -> Range<Int32> {
        let start = Int32(candidates.count)
        candidates.append(contentsOf: more)
        return start..<Int32(candidates.count)
    }
}
