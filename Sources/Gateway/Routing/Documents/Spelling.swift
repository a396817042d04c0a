/// Finds what a misspelt name probably meant.
enum Spelling {
    /// The candidate that differs from `name` by the fewest edits, at most two and less than half its length.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        let name = Array(name.lowercased().utf8)
        guard name.count <= 64 else { return nil }
        return
            candidates
            .map { ($0, distance(name, Array($0.lowercased().utf8))) }
            .filter { $0.1 <= 2 && $0.1 * 2 < max(name.count, 1) }
            .min { $0.1 < $1.1 }?.0
    }

    /// The Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for other in right.indices {
                let substitution = diagonal + (byte == right[other] ? 0 : 1)
                diagonal = row[other + 1]
                row[other + 1] = min(substitution, diagonal + 1, row[other] + 1)
            }
        }
        return row[right.count]
    }
}
