import GatewayTestSupport
import Testing

@testable import Reactor

@Suite struct TicketKeyRingTests {
    private static let hour = TicketKeyRing.sealingNanoseconds

    /// Other bytes every time.
    private final class Counter {
        var next: UInt8 = 0
        func bytes(_ count: Int) -> [UInt8] {
            next += 1
            return Array(repeating: next, count: count)
        }
    }

    private func open(_ ring: TicketKeyRing, _ key: TicketKeyRing.Key, now: UInt64) -> (
        key: TicketKeyRing.Key, isOld: Bool
    )? {
        key.name.withUnsafeBufferPointer { ring.openingKey(name: $0, now: now) }
    }

    @Test func `seals with one key for an hour, then with another`() {
        var ring = TicketKeyRing()
        let counter = Counter()
        let first = ring.sealingKey(now: 5, random: counter.bytes)
        #expect(ring.sealingKey(now: 5 + Self.hour - 1, random: counter.bytes) == first)
        let second = ring.sealingKey(now: 5 + Self.hour, random: counter.bytes)
        #expect(second != first)
        #expect(second.cipherKey != first.cipherKey && second.macKey != first.macKey && second.name != first.name)
    }

    @Test func `opens with an old key, says that it is old, and forgets it after three hours`() throws {
        var ring = TicketKeyRing()
        let counter = Counter()
        let first = ring.sealingKey(now: 0, random: counter.bytes)
        #expect(open(ring, first, now: 1)?.isOld == false)
        _ = ring.sealingKey(now: Self.hour, random: counter.bytes)
        #expect(open(ring, first, now: Self.hour)?.isOld == true)
        _ = ring.sealingKey(now: 2 * Self.hour, random: counter.bytes)
        #expect(open(ring, first, now: 3 * Self.hour - 1) != nil)
        #expect(open(ring, first, now: 3 * Self.hour) == nil, "time is over, even when nothing was sealed since")
        _ = ring.sealingKey(now: 3 * Self.hour, random: counter.bytes)
        #expect(open(ring, first, now: 2 * Self.hour) == nil)
    }

    @Test func `knows no key that it did not make`() {
        var ring = TicketKeyRing()
        _ = ring.sealingKey(now: 0, random: Counter().bytes)
        let other = TicketKeyRing.Key(now: 0) { Array(repeating: 0xEE, count: $0) }
        #expect(open(ring, other, now: 0) == nil)
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct TicketTests {
    private func echo(_ certificate: Certificate) throws -> RecordingServer {
        let context = try TLSServerContext(
            certificateChainPEM: certificate.certificatePEM, privateKeyPEM: certificate.privateKeyPEM)
        return try RecordingServer(tls: context) {
            RecordingProtocol(received: { connection, bytes in connection.transport?.write(bytes) })
        }
    }

    private func connect(_ server: RecordingServer, resuming session: [UInt8]? = nil) throws -> BlockingTLS {
        let client = try BlockingTLS(over: BlockingSocket(connectingTo: server.port), resuming: session)
        // The ticket comes after the handshake, with the first bytes at the latest.
        try client.send("x")
        #expect(try client.receive(count: 1) == Array("x".utf8))
        return client
    }

    @Test func `a session is resumed on another loop, and after the certificate was read again`() throws {
        let certificate = try Certificate.localhost.get()
        let servers = try (0..<2).map { _ in try echo(certificate) }
        defer { for server in servers { server.loop.stop() } }
        let first = try connect(servers[0])
        #expect(!first.isResumed)
        #expect(try connect(servers[0], resuming: first.session).isResumed)
        #expect(try connect(servers[1], resuming: first.session).isResumed)
    }

    @Test func `a ticket of another certificate costs a full handshake, no more`() throws {
        let servers = [try echo(try Certificate.localhost.get()), try echo(try Certificate.other.get())]
        defer { for server in servers { server.loop.stop() } }
        let first = try connect(servers[0])
        #expect(try !connect(servers[1], resuming: first.session).isResumed)
    }
}
