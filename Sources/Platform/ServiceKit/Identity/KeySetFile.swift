import Foundation
import Logging
import Synchronization

/// The key set in a file, followed as the file changes.
///
/// At most once per ``recheckSeconds`` the file's identity (device, inode, size, modification time) is compared; a changed
/// file is read again, so a new key works and a removed one stops working within that time. A file that became unreadable
/// or wrong, or is gone, is reported once, and the last good keys stay.
final class KeySetFile: KeySource {
    static let recheckSeconds: Double = 1

    private struct State {
        var keys: KeySet
        /// nil while there is no file.
        var identity: FileIdentity?
        var nextCheck: Double
        /// Grows with every reload; answers cached under an older one are void.
        var generation = 0
    }

    private let path: String
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the file.
    init(path: String, now: Double, logger: Logger) async throws(KeySetError) {
        self.path = path
        self.logger = logger
        let identity = FileIdentity(path: path)
        let keys = try await Self.read(path)
        state = Mutex(State(keys: keys, identity: identity, nextCheck: now + Self.recheckSeconds))
    }

    /// A file is read before there is anything to verify.
    var isLoaded: Bool { true }

    func current(now: Double) async -> VersionedKeys? {
        let (keys, generation, isDue) = state.withLock { state in
            let isDue = now >= state.nextCheck
            if isDue { state.nextCheck = now + Self.recheckSeconds }
            return (state.keys, state.generation, isDue)
        }
        let known = VersionedKeys(keys: keys, generation: generation)
        guard isDue else { return known }
        let identity = FileIdentity(path: path)
        guard identity != state.withLock({ $0.identity }) else { return known }
        do {
            let fresh = try await Self.read(path)
            logger.info("key set read again", metadata: ["keys": "\(fresh.keys.count)"])
            return state.withLock { state in
                state.keys = fresh
                state.identity = identity
                state.generation += 1
                return VersionedKeys(keys: fresh, generation: state.generation)
            }
        } catch {
            logger.error("the changed key set is not usable, the last one stays", metadata: ["reason": "\(error)"])
            state.withLock { $0.identity = identity }
            return known
        }
    }

    private static func read(_ path: String) async throws(KeySetError) -> KeySet {
        guard let data = FileManager.default.contents(atPath: path) else { throw .unreadable }
        return try await KeySet(json: data)
    }
}

/// What tells one content of a path from another.
private struct FileIdentity: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    /// nil when there is no such file.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = Int64(status.st_mtim.tv_sec)
        nanoseconds = Int64(status.st_mtim.tv_nsec)
    }
}
