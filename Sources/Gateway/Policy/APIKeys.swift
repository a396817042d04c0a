/// A SHA-256 digest (FIPS 180-4) as four words.
public struct KeyDigest: Sendable, Hashable {
    let words: (UInt64, UInt64, UInt64, UInt64)

    public init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        words = (first, second, third, fourth)
    }

    /// - Returns: nil unless there are 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        func word(_ index: Int) -> UInt64 { bytes[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(word(0), word(1), word(2), word(3))
    }

    /// Takes the same time wherever the two differ.
    public static func == (left: KeyDigest, right: KeyDigest) -> Bool {
        (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1) | (left.words.2 ^ right.words.2)
            | (left.words.3 ^ right.words.3) == 0
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// The API keys of one policy: known by their digests only, so that neither memory nor configuration holds a key.
///
/// The time that a look takes tells at most something about the digest of what was presented, from which nobody gets to a
/// key of high entropy; whole digests are compared in constant time.
public struct APIKeys: Sendable {
    private let callers: [KeyDigest: VerifiedToken]

    public init(_ keys: [(digest: KeyDigest, caller: VerifiedToken)]) {
        callers = Dictionary(keys.map { ($0.digest, $0.caller) }) { first, _ in first }
    }

    public func caller(of digest: KeyDigest) -> VerifiedToken? { callers[digest] }
}
