import Glibc

/// What tells one content of a file from the next without reading it. A link stands for what it leads to, so that the
/// swap of a mounted ConfigMap's `..data` link changes every file behind it.
public struct FileState: Hashable, Sendable {
    private var device: UInt64
    private var inode: UInt64
    private var sizeBytes: Int64
    private var modifiedSeconds: Int64
    private var modifiedNanoseconds: Int64

    /// Nil when there is no such file, or it cannot be looked at.
    public init?(of path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        device = UInt64(found.st_dev)
        inode = UInt64(found.st_ino)
        sizeBytes = Int64(found.st_size)
        modifiedSeconds = Int64(found.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(found.st_mtim.tv_nsec)
    }
}
