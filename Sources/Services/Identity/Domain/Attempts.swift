import Crypto
import ServiceKit

/// How often something may be tried in a time, and by which counter.
///
/// The counters are rows of the database, so all replicas count together. A row lives as long as its window: there are at
/// most as many as attempts were let through in one. Attempts are counted before their outcome is known, so parallel
/// guesses are counted too, and refused the same whether the account exists or not.
struct AttemptCounter: Sendable, Hashable {
    /// SHA-256 of kind and value: addresses are not kept.
    let key: [UInt8]
    let limit: Int64
    let kind: Kind

    init(_ kind: Kind, _ value: String, limit: Int) {
        key = Array(SHA256.hash(data: Array("\(kind.rawValue)|\(value)".utf8)))
        self.limit = Int64(limit)
        self.kind = kind
    }

    enum Kind: String, Sendable {
        case signInAccount
        case signInAccountFromAddress
        case refreshAccount
        case signInAddress
        case registrationAddress
        case messageAccount
        case messageAddress
    }
}

/// How far a counter is.
struct AttemptCount: Sendable, Hashable {
    let count: Int64
    /// When it starts again.
    let secondsLeft: Double

    /// nil when the attempt is let through.
    func refusal(limit: Int64) -> Refusal? {
        count <= limit ? nil : .tooManyAttempts(retryAfterSeconds: max(1, Int(secondsLeft.rounded(.up))))
    }
}

/// The address of a client, as attempts are counted by it.
enum ClientAddress {
    /// The last entry of `x-forwarded-for`, which is the gateway's: it strips those that clients send. Of an IPv6 address,
    /// the network of 64 bits, which is what one household has. Without the header: one counter for all.
    static func counted(_ forwardedFor: String?) -> String {
        guard let last = forwardedFor?.split(separator: ",").last else { return "direct" }
        let address = last.filter { $0 != " " && $0 != "\t" && $0 != "[" && $0 != "]" }
        // An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is counted as what it is.
        if address.contains("."), let bare = address.split(separator: ":").last { return String(bare.prefix(64)) }
        guard address.contains(":") else { return String(address.prefix(64)) }
        return network(of: address).map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }

    /// The first four groups of an IPv6 address; what is none gives zeroes, one counter for all of those.
    private static func network(of address: String) -> [UInt16] {
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let groups = { (text: Substring) in text.split(separator: ":").map { UInt16($0, radix: 16) ?? 0 } }
        let front = halves.first.map(groups) ?? []
        let back = halves.count > 1 ? groups(halves[1]) : []
        let gap = halves.count > 1 ? max(0, 8 - front.count - back.count) : 0
        let all = front + [UInt16](repeating: 0, count: gap) + back + [UInt16](repeating: 0, count: 4)
        return Array(all.prefix(4))
    }
}
