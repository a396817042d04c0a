import Reactor
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [("127.0.0.1", false), ("0.0.0.0", false), ("::1", true), ("::", true), ("2001:db8::7", true)])
    func `reads a numeric address and writes it back`(text: String, isIPv6: Bool) throws {
        let address = try SocketAddress(numeric: text, port: 8443)
        #expect(address.host == text)
        #expect(address.port == 8443)
        #expect(address.isIPv6 == isIPv6)
    }

    @Test func `writes an IPv4 address that came on an IPv6 socket as IPv4`() throws {
        #expect(try SocketAddress(numeric: "::ffff:192.0.2.7", port: 1).host == "192.0.2.7")
    }

    @Test(arguments: ["localhost", "", "127.0.0.1:80", "[::1]", "256.0.0.1", "1.2.3"])
    func `refuses what is not numeric`(text: String) {
        #expect(throws: ReactorError.invalidAddress(text)) { try SocketAddress(numeric: text, port: 80) }
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct ListenSocketTests {
    @Test func `names the address and the port that cannot be bound`() throws {
        let loop = try LoopThread()
        defer { loop.stop() }
        #expect(throws: ReactorError.cannotListen(address: "192.0.2.1", port: 80, errno: 99)) {
            try loop.onLoop { eventLoop in
                _ = try ListenSocket(loop: eventLoop, address: "192.0.2.1", port: 80) { _ in }
            }
        }
    }

    @Test func `shares its port with the listener of another loop`() throws {
        let first = try LoopThread()
        let second = try LoopThread()
        defer {
            first.stop()
            second.stop()
        }
        let port = try first.onLoop { loop in
            try ListenSocket(loop: loop, address: "127.0.0.1", port: 0) { _ in }.port
        }
        let shared = try second.onLoop { loop in
            try ListenSocket(loop: loop, address: "127.0.0.1", port: port) { _ in }.port
        }
        #expect(shared == port)
    }
}
