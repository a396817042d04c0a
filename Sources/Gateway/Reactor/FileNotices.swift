import CLinux
import Glibc
import Synchronization

/// Tells that something in some folders changed (inotify(7)), without saying what: whoever hears it looks for itself.
///
/// Not every file system tells, and the kernel may run out of watches: look from time to time all the same. May be used
/// from any thread.
public final class FileNotices: Sendable {
    /// What is of interest in a folder.
    public enum Interest: Sendable, Hashable {
        case everything
        /// These names alone: the folder may be a busy one.
        case names(Set<String>)

        public func joined(with other: Interest) -> Interest {
            if case .names(let own) = self, case .names(let others) = other { return .names(own.union(others)) }
            return .everything
        }
    }

    /// The most folders that are watched; the others have to be looked at.
    public static let folderLimit = 4_096

    /// Files that were written and closed, and names that came, went or changed. Not every single write.
    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO)
        | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(bitPattern: IN_ONLYDIR)

    private let file: Descriptor
    /// By the number of the watch, which the kernel gives once to each folder.
    private let watches = Mutex<[Int32: Interest]>([:])

    /// Readable when there is a notice.
    public var descriptor: Int32 { file.number }

    public init() throws(ReactorError) {
        let flags = Int32(O_NONBLOCK | O_CLOEXEC)  // IN_NONBLOCK and IN_CLOEXEC are these (inotify_init1(2))
        file = Descriptor(Int32(try Syscalls.retrying("inotify_init1") { Int(inotify_init1(flags)) }))
    }

    /// Watches exactly these folders; links are followed. One that is not there or cannot be watched is left out.
    ///
    /// - Returns: whether there are folders among them that were not watched before: what happened in them until now was
    ///   not told.
    public func watch(_ folders: [String: Interest]) -> Bool {
        watches.withLock { known in
            var wanted: [Int32: Interest] = [:]
            for (folder, interest) in folders where wanted.count < Self.folderLimit {
                // Asked for again each time: the folder of that name may be another one now.
                let number = inotify_add_watch(file.number, folder, Self.mask)
                if number >= 0 { wanted[number] = wanted[number]?.joined(with: interest) ?? interest }
            }
            for number in known.keys where wanted[number] == nil { inotify_rm_watch(file.number, number) }
            defer { known = wanted }
            return wanted.keys.contains { known[$0] == nil }
        }
    }

    /// Takes all notices there are.
    ///
    /// - Returns: whether one of them is of interest.
    public func take() -> Bool {
        var isOfInterest = false
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(file.number, $0.baseAddress, $0.count) }
            guard count > 0 else { return isOfInterest }
            let known = watches.withLock { $0 }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                while offset + MemoryLayout<inotify_event>.size <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let start = offset + MemoryLayout<inotify_event>.size
                    offset = start + Int(event.len)
                    let name = String(decoding: bytes[start..<min(offset, count)].prefix { $0 != 0 }, as: UTF8.self)
                    if Self.concerns(event, name, known) { isOfInterest = true }
                }
            }
        }
    }

    private static func concerns(_ event: inotify_event, _ name: String, _ known: [Int32: Interest]) -> Bool {
        switch known[event.wd] {
        case .everything: true
        case .names(let names): name.isEmpty || names.contains(name)
        // Notices that were lost; anything may have changed.
        case nil: event.wd < 0
        }
    }
}
