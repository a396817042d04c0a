import Glibc
import Synchronization

/// A listening socket that no loop serves yet: bound by whoever configures, so that an address which cannot be had is an
/// error there, and handed to a worker's thread.
public final class BoundSocket: Sendable {
    public let port: UInt16
    private let socket: Mutex<Descriptor?>

    /// - Throws: `cannotListen`, naming the address, or a failed system call.
    public init(address: String, port: UInt16, backlog: Int32 = 1024) throws(ReactorError) {
        let target = try SocketAddress(numeric: address, port: port)
        let socket = try Syscalls.makeStreamSocket(target.family)
        try Syscalls.setOption(socket.number, SOL_SOCKET, SO_REUSEADDR, 1)
        try Syscalls.setOption(socket.number, SOL_SOCKET, SO_REUSEPORT, 1)
        if target.isIPv6 { try Syscalls.setOption(socket.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        let number = socket.number
        guard target.withSockaddr({ bind(number, $0, $1) }) == 0, listen(number, backlog) == 0 else {
            throw .cannotListen(address: address, port: port, errno: errno)
        }
        self.port = Self.boundPort(number) ?? port
        self.socket = Mutex(consume socket)
    }

    /// Once.
    func take() -> Descriptor? { socket.withLock { $0.take() } }

    private static func boundPort(_ number: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { getsockname(number, $0.baseAddress, &length) }
        }
        return result == 0 ? SocketAddress(storage, length: length).port : nil
    }
}
