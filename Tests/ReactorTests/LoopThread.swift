import Dispatch
import GatewayTestSupport
import Synchronization

@testable import Reactor

/// An event loop on a thread of its own.
final class LoopThread: Sendable {
    typealias Job = @Sendable (EventLoop) -> Void

    private let mailbox: Mailbox<Job>
    private let thread: WorkerThread

    init() throws {
        let mailbox = try Mailbox<Job>()
        self.mailbox = mailbox
        thread = try WorkerThread(name: "loop") {
            guard let loop = try? EventLoop() else { return }  // the first `onLoop` then times out
            try? loop.attach(mailbox) { job in job(loop) }
            loop.run()
        }
    }

    /// Runs `body` on the loop and waits for its result.
    func onLoop<R: Sendable>(_ body: @escaping @Sendable (EventLoop) throws -> R) throws -> R {
        let result = Mutex<Result<R, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        mailbox.post { loop in
            let outcome = Result { try body(loop) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        guard done.wait(timeout: .now() + 60) == .success, let outcome = result.withLock({ $0 }) else {
            throw StreamFailure.timedOut
        }
        return try outcome.get()
    }

    /// Ends the loop and waits for its thread.
    func stop() {
        mailbox.post { $0.stop() }
        thread.join()
    }
}

/// What a transport told its protocol.
struct TransportRecord: Sendable {
    var isOpened = false
    var received: [UInt8] = []
    var receivedCount = 0
    var hasReceivedEnd = false
    var drainedCount = 0
    var ends: [TransportEnd] = []
    var mostUnsent = 0
}

/// A protocol that remembers what happens and does what the test says; on the loop's thread.
final class RecordingProtocol: TransportDelegate, Sendable {
    let record = Mutex(TransportRecord())
    private let opened: @Sendable (RecordingProtocol) -> Void
    private let received: @Sendable (RecordingProtocol, Span<UInt8>) -> Void
    private let end: @Sendable (RecordingProtocol) -> Void
    private let box: Mutex<TransportBox?> = Mutex(nil)

    // Sendable: taken out on the loop's thread alone.
    private struct TransportBox: @unchecked Sendable {
        let transport: Transport
    }

    init(
        opened: @escaping @Sendable (RecordingProtocol) -> Void = { _ in },
        received: @escaping @Sendable (RecordingProtocol, Span<UInt8>) -> Void = { _, _ in },
        receivedEnd: @escaping @Sendable (RecordingProtocol) -> Void = { $0.transport?.closeAfterFlush() }
    ) {
        self.opened = opened
        self.received = received
        end = receivedEnd
    }

    /// On the loop's thread.
    var transport: Transport? {
        get { box.withLock { $0 }?.transport }
        set {
            let next = newValue.map { TransportBox(transport: $0) }
            box.withLock { $0 = next }
        }
    }

    var now: TransportRecord { record.withLock { $0 } }

    func transportOpened() {
        record.withLock { $0.isOpened = true }
        opened(self)
    }

    func transportReceived(_ bytes: Span<UInt8>) {
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        record.withLock { record in
            record.receivedCount += copy.count
            if record.received.count < 1 << 20 { record.received += copy }
        }
        received(self, bytes)
    }

    func transportReceivedEnd() {
        record.withLock { $0.hasReceivedEnd = true }
        end(self)
    }

    func transportWillFlush() {}

    func transportDrained() { record.withLock { $0.drainedCount += 1 } }

    func transportEnded(_ end: TransportEnd) {
        record.withLock { $0.ends.append(end) }
        transport = nil
    }
}

/// A listener whose connections all get a protocol of their own.
final class RecordingServer: Sendable {
    let loop: LoopThread
    let port: UInt16
    private let made: ProtocolList

    private final class ProtocolList: Sendable { let list = Mutex<[RecordingProtocol]>([]) }

    init(
        tls: TLSServerContext? = nil, makeProtocol: @escaping @Sendable () -> RecordingProtocol
    ) throws {
        let loop = try LoopThread()
        self.loop = loop
        let made = ProtocolList()
        port = try loop.onLoop { eventLoop in
            let socket = try ListenSocket(loop: eventLoop, address: "127.0.0.1", port: 0) { socket in
                let connection = makeProtocol()
                made.list.withLock { $0.append(connection) }
                guard
                    let transport = try? Transport(
                        accepting: socket, loop: eventLoop, tls: tls, delegate: connection)
                else { return }
                connection.transport = transport
                if tls == nil { connection.transportOpened() }
            }
            return socket.port
        }
        self.made = made
    }

    /// The protocol of the connection that was accepted as number `index`.
    func connection(_ index: Int = 0) throws -> RecordingProtocol {
        let made = made
        guard eventually({ made.list.withLock { $0.count > index } }) else { throw StreamFailure.timedOut }
        return made.list.withLock { $0[index] }
    }
}
