import Reactor

/// Decides when files that changed are to be read again: once they have been the same for two looks in a row, so that
/// nothing is read while it is being written.
struct FileWatch: Sendable {
    typealias Files = [String: FileState]

    private var known: Files = [:]
    private var seen: Files?

    /// The files were read as they were then, whether they were good or not.
    mutating func read(_ files: Files) {
        known = files
        seen = nil
    }

    /// Whether the last look found another state than was read, and it is not known yet whether it is at rest.
    var isUnsettled: Bool { seen != nil }

    /// - Returns: whether the files are to be read again.
    mutating func observe(_ files: Files) -> Bool {
        if files == known {
            seen = nil
            return false
        }
        defer { seen = files }
        return files == seen
    }
}
