import Glibc
import Synchronization

/// A blocking TCP socket on the loopback interface, each call with a deadline of a minute by default.
public final class BlockingSocket: ByteStream {
    /// Closed on exec: a program that another test starts meanwhile must not keep a connection alive.
    fileprivate static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    let descriptor: Int32
    private let isClosed = Mutex(false)

    init(adopting descriptor: Int32, deadlineSeconds: Int) {
        self.descriptor = descriptor
        setDeadline(seconds: deadlineSeconds)
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Of each call from now on.
    public func setDeadline(seconds: Int) {
        var deadline = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &deadline, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// - Parameters:
    ///   - host: the last byte of our own address, 127.0.0.x: for a peer that is another client.
    ///   - receiveBuffer: SO_RCVBUF in bytes, for a peer that lets the other side wait.
    public convenience init(
        connectingTo port: UInt16, from host: UInt8 = 1, receiveBuffer: Int32? = nil, deadlineSeconds: Int = 60
    ) throws(StreamFailure) {
        self.init(adopting: socket(AF_INET, Self.kind, 0), deadlineSeconds: deadlineSeconds)
        if let receiveBuffer { set(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        let number = descriptor
        if host != 1 {
            guard withLoopback(port: 0, host: host, { bind(number, $0, $1) }) == 0 else { throw .system(errno: errno) }
        }
        let result = withLoopback(port: port) { Glibc.connect(number, $0, $1) }
        guard result == 0 else { throw .system(errno: errno) }
    }

    deinit { close() }

    public func send(_ bytes: [UInt8]) throws(StreamFailure) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.send(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw failure() }
            offset += count
        }
    }

    public func receive() throws(StreamFailure) -> [UInt8] { try receive(upTo: 65_536) }

    public func receive(upTo limit: Int) throws(StreamFailure) -> [UInt8] {
        var count = 0
        let number = descriptor
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
            count = recv(number, buffer.baseAddress, limit, 0)
            initialized = max(0, count)
        }
        guard count >= 0 else { throw failure() }
        return bytes
    }

    /// Whether there are bytes to read, or the end, within the time.
    public func isReadable(withinMilliseconds milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, milliseconds) > 0
    }

    /// Says that nothing more follows; answers can still be read.
    public func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with RST.
    public func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    public func close() {
        isClosed.withLock { isClosed in
            if !isClosed { Glibc.close(descriptor) }
            isClosed = true
        }
    }

    /// Wakes whoever waits in a call of this socket, on whatever thread.
    public func interrupt() {
        isClosed.withLock { isClosed in _ = isClosed ? 0 : shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    public var localPort: UInt16 { SocketTable.port(of: descriptor, getsockname) ?? 0 }

    public var remotePort: UInt16 { SocketTable.port(of: descriptor, getpeername) ?? 0 }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func failure() -> StreamFailure {
        switch errno {
        case EAGAIN: .timedOut
        case ECONNRESET, EPIPE: .reset
        default: .system(errno: errno)
        }
    }
}

/// A listening socket on an ephemeral port of the loopback interface.
public final class BlockingListener: Sendable {
    public let port: UInt16
    private let descriptor: Int32

    /// - Parameter receiveBuffer: SO_RCVBUF of the connections that will be accepted.
    public init(backlog: Int32 = 1024, receiveBuffer: Int32? = nil) throws(StreamFailure) {
        let number = socket(AF_INET, BlockingSocket.kind, 0)
        descriptor = number
        if var receiveBuffer {
            setsockopt(number, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        let result = withLoopback(port: 0) { bind(number, $0, $1) }
        guard result == 0, listen(number, backlog) == 0 else { throw .system(errno: errno) }
        port = SocketTable.port(of: number, getsockname) ?? 0
    }

    deinit { Glibc.close(descriptor) }

    /// The next connection; nil when the listener was closed.
    public func accept(deadlineSeconds: Int = 60) -> BlockingSocket? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return nil }
        // accept4 is not to be had from Swift; the moment in between is short.
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        return BlockingSocket(adopting: accepted, deadlineSeconds: deadlineSeconds)
    }

    /// Ends the listening and wakes whoever is in `accept`.
    ///
    /// The descriptor lasts as long as this object: a thread that is about to call `accept` must not find another test's
    /// socket under its number. The port is free for others from now on; `PortReservation` keeps one.
    public func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// A port that nobody else gets as long as this object lives: bound, and not listened on. Connections to it are refused,
/// or a listener's that has it already.
public final class PortReservation: Sendable {
    public let port: UInt16
    private let descriptor: Int32

    /// - Parameter port: 0: any that is free. Otherwise it may be listened on with SO_REUSEPORT, and is kept from being given
    ///   to somebody else once that listener is closed: whoever looks for connections that are left on it would see a
    ///   stranger's.
    public init(_ port: UInt16 = 0) throws(StreamFailure) {
        descriptor = socket(AF_INET, BlockingSocket.kind, 0)
        var yes: Int32 = 1
        // Not SO_REUSEADDR: with it on both, the kernel would give the port to another test's listener that asks for any.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, socklen_t(MemoryLayout<Int32>.size))
        let number = descriptor
        let result = withLoopback(port: port) { bind(number, $0, $1) }
        self.port = SocketTable.port(of: number, getsockname) ?? 0
        guard result == 0 else { throw .system(errno: errno) }
    }

    deinit { close(descriptor) }
}

private func withLoopback<R>(port: UInt16, host: UInt8 = 1, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
    return withUnsafeBytes(of: address) { bytes in
        bytes.withMemoryRebound(to: sockaddr.self) { address in
            body(address.baseAddress.unsafelyUnwrapped, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
