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

    @Test func `the limit of descriptors is raised to the hard one`() {
        let limit = DescriptorLimit.raise()
        #expect(limit >= 64)
        #expect(DescriptorLimit.raise() == limit)
    }
}
