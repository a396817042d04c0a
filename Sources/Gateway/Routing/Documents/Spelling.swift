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

    /// The least number of letters that are wrong, missing, too many, or exchanged with their neighbour (the distance of
    /// Damerau and Levenshtein, each place edited once).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var next = [index + 1]
            for other in right.indices {
                var best = min(row[other] + (byte == right[other] ? 0 : 1), row[other + 1] + 1, next[other] + 1)
                if index > 0, other > 0, byte == right[other - 1], left[index - 1] == right[other] {
                    best = min(best, before[other - 1] + 1)
                }
                next.append(best)
            }
            (before, row) = (row, next)
        }
        return row[right.count]
    }
}
