import Crypto
import Glibc
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
    /// the network of 64 bits, which is what one household has. Without the header, or with something else than an
    /// address in it: one counter for all.
    static func counted(_ forwardedFor: String?) -> String {
        guard let last = forwardedFor?.split(separator: ",").last else { return "direct" }
        var address = String(last.filter { $0 != " " && $0 != "\t" })
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        if let bytes = bytes(of: address, AF_INET, count: 4) { return text(bytes[...]) }
        guard let bytes = bytes(of: address, AF_INET6, count: 16) else { return "direct" }
        // An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is counted as what it is.
        if bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] { return text(bytes.suffix(4)) }
        let groups = stride(from: 0, to: 8, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        return groups.map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }

    /// The bytes of an address in the text form of its family (inet_pton(3)); nil for any other text.
    private static func bytes(of text: String, _ family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { String($0) }.joined(separator: ".")
    }
}
