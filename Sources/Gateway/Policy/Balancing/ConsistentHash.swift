/// Rendezvous hashing (Thaler and Ravishankar, 1998): a key goes to the node whose mix with it is the largest.
///
/// The same key goes to the same node in every worker and every gateway, whatever the nodes' order; when a node goes, only
/// its keys move, evenly to the others; when one comes, it takes its share evenly from all. No table to build or keep: a
/// choice costs a multiplication a node, which is less than a ring's search for the tens of endpoints a backend has.
public enum ConsistentHash {
    /// The place of the node for `key` among `count`.
    ///
    /// - Parameters:
    ///   - node: the hash of the node's name at a place.
    ///   - isAvailable: whether the node at a place may be chosen.
    /// - Returns: nil when none is available.
    @inlinable
    public static func place(
        for key: UInt64, of count: Int, node: (Int) -> UInt64, isAvailable: (Int) -> Bool = { _ in true }
    ) -> Int? {
        var best: (place: Int, score: UInt64)?
        for place in 0..<count where isAvailable(place) {
            let score = mix(key ^ node(place))
            if let found = best, found.score >= score { continue }
            best = (place, score)
        }
        return best?.place
    }

    /// FNV-1a, finished by a mix: keys are short (an address, a session's name), and must not be secret.
    public static func hash(_ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
        return mix(hash)
    }

    /// The finaliser of splitmix64 (Steele, Lea and Flood, 2014).
    @inlinable
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
