import Policy
import Reactor
import Routing
import Wire

/// The API keys of one policy, and where requests carry them.
final class APIKeyTable: Sendable {
    /// Longer ones are nobody's.
    static let longestKeyBytes = 1_024

    let header: [UInt8]
    let queryParameter: [UInt8]?
    private let keys: APIKeys

    init(_ set: APIKeySet) {
        header = Array(set.header.utf8)
        queryParameter = set.queryParameter.map { Array($0.utf8) }
        keys = APIKeys(
            set.consumers.compactMap { consumer in
                KeyDigest(consumer.digest).map { digest in
                    (
                        digest,
                        VerifiedToken(
                            subject: consumer.name, scopes: Set(consumer.scopes), expiresAtSeconds: .max,
                            identity: [.init(name: "x-authenticated-consumer", value: consumer.name)],
                            isConsumer: true)
                    )
                }
            })
    }

    func caller(of key: Span<UInt8>) -> VerifiedToken? {
        guard !key.isEmpty, key.count <= Self.longestKeyBytes else { return nil }
        let words = SHA256Digest.words(of: key)
        return keys.caller(of: KeyDigest(words.0, words.1, words.2, words.3))
    }
}

extension RequestHead {
    /// Whose key the request carries: nil when it carries none, and nil within that when the key is nobody's. The key is
    /// taken out of the request, which goes on to the backend and to the log without it.
    mutating func takeCaller(knownBy table: APIKeyTable, scratch: inout [UInt8]) -> VerifiedToken?? {
        var shown = 0
        var caller: VerifiedToken?
        for index in headers.indices where !headers.isRemoved(at: index) {
            guard headers.withName(at: index, { $0.equals(table.header) }) else { continue }
            caller = headers.withValue(at: index) { table.caller(of: $0) }
            headers.remove(at: index)
            shown += 1
        }
        if let name = table.queryParameter, hasQuery {
            let found = takeKeys(named: name, table, &scratch)
            if shown == 0 { caller = found.caller }
            shown += found.count
        }
        if shown == 0 { return nil }
        // Two keys are one too many: it is not ours to choose.
        return .some(shown == 1 ? caller : nil)
    }

    /// Takes every parameter of this name out of the query.
    private mutating func takeKeys(
        named name: [UInt8], _ table: APIKeyTable, _ scratch: inout [UInt8]
    ) -> (count: Int, caller: VerifiedToken?) {
        var count = 0
        var caller: VerifiedToken?
        scratch.removeAll(keepingCapacity: true)
        withPath { scratch.append(bytes: $0) }
        var separator = UInt8(ascii: "?")
        withQuery { query in
            var start = 0
            while start <= query.count {
                let pair = Self.pair(of: query, from: start)
                start = pair.upperBound + 1
                if Self.isParameter(query.extracting(pair), name) {
                    let key = pair.lowerBound + name.count + 1..<pair.upperBound
                    caller = table.caller(of: query.extracting(key))
                    count += 1
                } else {
                    scratch.append(separator)
                    scratch.append(bytes: query.extracting(pair))
                    separator = UInt8(ascii: "&")
                }
            }
        }
        if count > 0 { setTarget(scratch.span) }
        return (count, caller)
    }

    /// The bytes up to the next "&", or to the end.
    private static func pair(of query: Span<UInt8>, from start: Int) -> Range<Int> {
        var end = start
        while end < query.count && query[end] != UInt8(ascii: "&") { end += 1 }
        return start..<end
    }

    /// Whether a pair of a query is `name=…`.
    private static func isParameter(_ pair: Span<UInt8>, _ name: [UInt8]) -> Bool {
        guard pair.count > name.count, pair[name.count] == UInt8(ascii: "=") else { return false }
        for index in name.indices where pair[index] != name[index] { return false }
        return true
    }
}
