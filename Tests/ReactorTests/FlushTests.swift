import GatewayTestSupport
import Reactor
import Synchronization
import Testing

/// When what is written leaves.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FlushTests {
    /// Two connections become ready in one turn: what the first one's protocol wrote has left when the second one's is
    /// called, if it asked for that, and otherwise it waits for the turn's end.
    @Test(arguments: [true, false])
    func `much is flushed between two events, the rest at the turn's end`(soon: Bool) throws {
        let isHeld = Atomic<Bool>(true)
        let unsent = Atomic<Int>(-1)
        let writer = Mutex<RecordingProtocol?>(nil)
        let server = try RecordingServer {
            RecordingProtocol(received: { connection, bytes in
                switch bytes[0] {
                case UInt8(ascii: "h"):  // The loop is busy until the test lets it go on.
                    _ = eventually { !isHeld.load(ordering: .acquiring) }
                case UInt8(ascii: "w"):
                    writer.withLock { $0 = connection }
                    connection.transport?.write(Array("answer".utf8))
                    if soon { connection.transport?.flushSoon() }
                default:
                    let left = writer.withLock { $0 }?.transport?.unsentBytes ?? -2
                    unsent.store(left, ordering: .releasing)
                }
            })
        }
        defer { server.loop.stop() }
        let (holding, writing, looking) = (
            try BlockingSocket(connectingTo: server.port), try BlockingSocket(connectingTo: server.port),
            try BlockingSocket(connectingTo: server.port)
        )
        _ = try server.connection(2)
        try holding.send("h")
        let held = try server.connection(0)
        #expect(eventually { held.now.receivedCount == 1 })
        // epoll tells of them in the order in which they became ready.
        try writing.send("w")
        try looking.send("l")
        isHeld.store(false, ordering: .releasing)
        #expect(eventually { unsent.load(ordering: .acquiring) != -1 })
        #expect(unsent.load(ordering: .acquiring) == (soon ? 0 : 6))
        #expect(try writing.receive(count: 6) == Array("answer".utf8))
        writer.withLock { $0 = nil }
    }
}
