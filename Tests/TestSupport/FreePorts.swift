import Glibc
import Synchronization

/// Ports of 127.0.0.1 for programs that have to be told theirs.
///
/// They lie below the range that the kernel gives to outgoing connections (`ip_local_port_range`, 32768 and more), so
/// no connection of any process takes one between the choice and its use.
public enum FreePorts {
    private static let range = 10_240...32_000
    private static let taken = Mutex<Set<Int>>([])

    /// - Throws: ``TestSupportError`` when none is found.
    public static func next() throws -> Int {
        for _ in 0..<1_000 {
            let port = Int.random(in: range)
            let isNew = taken.withLock { $0.insert(port).inserted }
            if isNew && isFree(port) { return port }
        }
        throw TestSupportError("no free port in \(range)")
    }

    /// Whether nobody listens there.
    public static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // As servers do: what is left of closed connections does not matter.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    && listen(descriptor, 1) == 0
            }
        }
    }
}
