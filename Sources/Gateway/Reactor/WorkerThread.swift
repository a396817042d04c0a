import CLinux
import Glibc
import Synchronization

/// An operating system thread that runs one function.
public final class WorkerThread: Sendable {
    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private let identifier: pthread_t

    /// - Parameter name: shown by `top -H` and in cores; cut to 15 bytes (pthread_setname_np).
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(ReactorError) {
        let box = Unmanaged.passRetained(Box(body))
        var identifier = pthread_t()
        let result = pthread_create(
            &identifier, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw .system(call: "pthread_create", errno: result)
        }
        pthread_setname_np(identifier, String(name.prefix(15)))
        self.identifier = identifier
    }

    /// Waits until the function has returned. Once.
    public func join() { pthread_join(identifier, nil) }

    /// The processors this process may run on: its affinity, cut to the cgroup's CPU quota where there is one.
    public static var usableProcessors: Int {
        var mask = [UInt64](repeating: 0, count: 16)  // 1,024 processors, as cpu_set_t
        guard sched_getaffinity(0, mask.count * 8, &mask) >= 0 else { return 1 }
        let affinity = mask.reduce(0) { $0 + $1.nonzeroBitCount }
        return max(1, min(affinity, quota() ?? affinity))
    }

    /// `cpu.max` of cgroup v2: "QUOTA PERIOD" in microseconds, or "max PERIOD".
    private static func quota() -> Int? {
        guard let file = fopen("/sys/fs/cgroup/cpu.max", "r") else { return nil }
        defer { fclose(file) }
        var quota = 0
        var period = 0
        let found = withUnsafeMutablePointer(to: &quota) { first in
            withUnsafeMutablePointer(to: &period) { second in
                withVaList([first, second]) { vfscanf(file, "%ld %ld", $0) }
            }
        }
        return found == 2 && period > 0 ? max(1, (quota + period - 1) / period) : nil
    }
}
