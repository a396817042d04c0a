import Reactor
import Testing

@Suite struct ClientNetworkTests {
    private func address(_ text: String) throws -> SocketAddress { try SocketAddress(numeric: text, port: 1) }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("10.0.0.1", "::ffff:10.0.0.1", true),
        ("2001:db8::1", "2001:db8::ffff:1", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
    ])
    func `one client is an IPv4 address or an IPv6 /64`(left: String, right: String, isOne: Bool) throws {
        #expect((ClientNetwork(try address(left)) == ClientNetwork(try address(right))) == isOne)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.7", "10.0.0.7", true),
        ("10.0.0.7", "10.0.0.6", false), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fc00::1", false),
        ("2001:db8::/70", "2001:db8::300:0:0:1", true), ("2001:db8::/70", "2001:db8:0:0:400::1", false),
        ("::/0", "1.2.3.4", true),
    ])
    func `a range holds the addresses of its prefix`(range: String, candidate: String, isInside: Bool) throws {
        #expect(try AddressRange(range).contains(address(candidate)) == isInside)
    }

    @Test(arguments: ["", "host", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8"])
    func `what is no range is refused`(text: String) {
        #expect(throws: ReactorError.self) { try AddressRange(text) }
    }

    @Test func `the limit of descriptors is raised to the hard one`() {
        let limit = DescriptorLimit.raise()
        #expect(limit >= 64)
        #expect(DescriptorLimit.raise() == limit)
    }
}
