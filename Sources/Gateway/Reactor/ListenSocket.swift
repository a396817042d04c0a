import CLinux
import Glibc

/// A listening socket of one worker. Every worker has its own on the same address (SO_REUSEPORT), so the kernel spreads
/// the connections and no lock is shared.
public final class ListenSocket: EventHandler, TimerTarget {
    /// How many connections one turn accepts at most, so that a burst does not starve those already open.
    private static let acceptsPerTurn = 64
    /// After running out of descriptors or memory. Accepting again at once would spin.
    private static let pauseMilliseconds = 100

    private let loop: EventLoop
    private var socket: Descriptor?
    private var registration: EventLoop.Registration?
    private lazy var retry = DeadlineTimer(target: self)
    private let accept: (consuming AcceptedSocket) -> Void
    private var isPaused = false

    public let port: UInt16

    /// - Parameter accept: called on the loop for each new connection.
    public convenience init(
        loop: EventLoop, address: String, port: UInt16, backlog: Int32 = 1024,
        accept: @escaping (consuming AcceptedSocket) -> Void
    ) throws(ReactorError) {
        let bound = try BoundSocket(address: address, port: port, backlog: backlog)
        try self.init(loop: loop, bound: bound, accept: accept)
    }

    /// - Parameter bound: for this one alone; no other may have taken it.
    public init(
        loop: EventLoop, bound: BoundSocket, accept: @escaping (consuming AcceptedSocket) -> Void
    ) throws(ReactorError) {
        self.loop = loop
        self.accept = accept
        port = bound.port
        guard let socket = bound.take() else { preconditionFailure("a bound socket serves one loop") }
        let number = socket.number
        self.socket = consume socket
        registration = try loop.register(number, self, interest: .readable)
    }

    deinit { retry.cancel() }

    /// Accepts no more until `resume()`; the kernel queues up to the backlog.
    public func pause() {
        guard let registration, let number = descriptor, !isPaused else { return }
        isPaused = true
        loop.change(number, registration, interest: [])
    }

    public func resume() {
        guard let registration, let number = descriptor, isPaused else { return }
        isPaused = false
        loop.change(number, registration, interest: .readable)
    }

    func abandon() { close() }

    public func close() {
        guard let registration else { return }
        loop.free(registration)
        self.registration = nil
        socket = nil
    }

    public func timerFired() { resume() }

    func handle(_ events: ReadyEvents) {
        for _ in 0..<Self.acceptsPerTurn {
            guard !isPaused, let number = descriptor else { return }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let accepted = withUnsafeMutableBytes(of: &storage) { bytes in
                bytes.withMemoryRebound(to: sockaddr.self) { accept4(number, $0.baseAddress, &length, flags) }
            }
            if accepted < 0 {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM {
                    pause()
                    loop.schedule(retry, afterMilliseconds: Self.pauseMilliseconds)
                }
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            accept(AcceptedSocket(Descriptor(accepted), peer: SocketAddress(storage, length: length)))
        }
    }

    private var descriptor: Int32? {
        switch socket {
        case .some(let socket): socket.number
        case .none: nil
        }
    }
}

/// A connection that was just accepted; `Transport.init(accepting:)` takes it over.
public struct AcceptedSocket: ~Copyable {
    let socket: Descriptor
    public let peer: SocketAddress

    init(_ socket: consuming Descriptor, peer: SocketAddress) {
        self.socket = socket
        self.peer = peer
    }

    consuming func intoSocket() -> Descriptor { socket }
}
