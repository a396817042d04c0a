import Testing

@testable import Routing

@Suite struct AddressSetTests {
    private func contains(_ blocks: [String], _ address: String) throws -> Bool {
        let place = try #require(AddressSet.block(address)).lowerBound
        return AddressSet(blocks).contains(
            high: UInt64(truncatingIfNeeded: place >> 64), low: UInt64(truncatingIfNeeded: place))
    }

    @Test(arguments: [
        (["10.0.0.0/8"], "10.255.255.255", true), (["10.0.0.0/8"], "11.0.0.0", false),
        (["10.0.0.0/8"], "9.255.255.255", false), (["192.0.2.7"], "192.0.2.7", true),
        (["192.0.2.7"], "192.0.2.8", false), (["0.0.0.0/0"], "203.0.113.9", true),
        (["0.0.0.0/0"], "2001:db8::1", false), (["::/0"], "203.0.113.9", true),
        (["2001:db8::/32"], "2001:db8:ffff::1", true), (["2001:db8::/32"], "2001:db9::1", false),
        (["::ffff:192.0.2.0/120"], "192.0.2.200", true), (["10.0.0.0/8"], "::ffff:10.1.2.3", true),
        (["10.0.0.0/9", "10.128.0.0/9", "10.64.0.0/10"], "10.200.0.1", true),
        (["192.0.2.1", "192.0.2.3", "192.0.2.5"], "192.0.2.3", true),
        (["192.0.2.1", "192.0.2.3", "192.0.2.5"], "192.0.2.4", false), ([], "192.0.2.4", false),
        (["::1"], "::1", true), (["1:2:3:4:5:6:7:8"], "1:2:3:4:5:6:7:8", true), (["fe80::/10"], "febf::1", true),
    ])
    func `a set has the addresses of its blocks`(blocks: [String], address: String, isIn: Bool) throws {
        #expect(try contains(blocks, address) == isIn)
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8",
        "10.0.0.0/08", "1:2:3", "1::2::3", ":1::", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "12345::", "g::",
        "::1%eth0",
        "::/129", "2001:db8::1/32", "1:", "::1.2.3", "name", "1:2:3:4:5:6:7:",
    ])
    func `what is no block is refused`(text: String) { #expect(AddressSet.block(text) == nil) }

    @Test func `deny wins, and an empty list allows everybody`() throws {
        let rule = AccessRule(
            allowedAddresses: AddressSet(["10.0.0.0/8"]), deniedAddresses: AddressSet(["10.1.0.0/16"]))
        func admits(_ text: String, _ rule: AccessRule) throws -> Bool {
            let place = try #require(AddressSet.block(text)).lowerBound
            return rule.admits(high: UInt64(truncatingIfNeeded: place >> 64), low: UInt64(truncatingIfNeeded: place))
        }
        #expect(try admits("10.2.0.1", rule))
        #expect(try !admits("10.1.0.1", rule))
        #expect(try !admits("192.0.2.1", rule))
        #expect(try admits("192.0.2.1", AccessRule(deniedAddresses: AddressSet(["10.1.0.0/16"]))))
    }
}
