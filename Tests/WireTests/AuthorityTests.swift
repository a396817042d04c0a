import Testing

@testable import Wire

@Suite("Authorities")
struct AuthorityTests {
    @Test(
        arguments: [
            ("example.com", "example.com", nil), ("EXAMPLE.com:8443", "example.com", UInt16(8443)),
            ("example.com.", "example.com", nil), ("Example.com.:80", "example.com", 80),
            ("example.com:", "example.com", nil),
            ("localhost", "localhost", nil), ("a_b-c~d.e1", "a_b-c~d.e1", nil),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", nil),
            ("127.0.0.1:1", "127.0.0.1", 1), ("255.255.255.255", "255.255.255.255", nil), ("1.2.3.4.", "1.2.3.4", nil),
            ("1.example", "1.example", nil), ("a:00080", "a", 80), ("a:65535", "a", 65535),
            ("[::1]", "[::1]", nil), ("[::]:443", "[::]", 443), ("[2001:DB8::A]:8443", "[2001:db8::a]", 8443),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil), ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", nil),
            ("[1::8]", "[1::8]", nil), ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", nil),
            ("[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", nil),
        ] as [(String, String, UInt16?)])
    func `splits host and port and writes the host as routing compares it`(
        text: String, host: String, port: UInt16?
    ) throws {
        var output = Array("left over".utf8)
        let authority = try Authority.lowercasedHost(of: Array(text.utf8).span, into: &output)
        #expect(String(decoding: output, as: UTF8.self) == host)
        #expect(authority.port == port)
        #expect(text.lowercased().utf8.prefix(authority.hostCount).starts(with: host.utf8))
    }

    @Test(
        arguments: [
            ("", AuthorityError.empty), (":80", .empty),
            ("user@host", .userInformation), ("user:password@host:80", .userInformation), ("@", .userInformation),
            (".", .invalidHost), ("..", .invalidHost), (".a", .invalidHost), ("a..b", .invalidHost),
            ("a..", .invalidHost),
            ("a b", .invalidHost), ("a,b", .invalidHost), ("a/b", .invalidHost), ("a?b", .invalidHost),
            ("a#b", .invalidHost), ("a\\b", .invalidHost), ("a%2eb", .invalidHost), ("é", .invalidHost),
            ("a\0", .invalidHost), ("*.a", .invalidHost), ("a'b", .invalidHost), ("[a]", .invalidHost),
            ("1.2.3", .invalidHost), ("1.2.3.256", .invalidHost), ("01.2.3.4", .invalidHost),
            ("1.2.3.4.5", .invalidHost),
            ("2130706433", .invalidHost), ("0x7f000001", .invalidHost), ("1.2.3.0x4", .invalidHost),
            ("a.1", .invalidHost),
            ("a:b", .invalidPort), ("a:-1", .invalidPort), ("a:65536", .invalidPort), ("a:0", .invalidPort),
            ("a:000080", .invalidPort), ("a:80:80", .invalidPort), ("a: 80", .invalidPort), ("::1", .empty),
            ("[", .invalidHost), ("[]", .invalidHost), ("[::1", .invalidHost), ("[::1]x", .invalidHost),
            ("[::1]:", nil), ("[::1]:x", .invalidPort), ("[:]", .invalidHost), ("[:::]", .invalidHost),
            ("[1]", .invalidHost), ("[1::2::3]", .invalidHost), ("[12345::]", .invalidHost), ("[g::]", .invalidHost),
            ("[1:2:3:4:5:6:7:8:9]", .invalidHost), ("[1:2:3:4:5:6:7]", .invalidHost),
            ("[1:2:3:4:5:6:7:8::]", .invalidHost),
            ("[::1%25eth0]", .invalidHost), ("[fe80::1%eth0]", .invalidHost), ("[v1.a]", .invalidHost),
            ("[::1.2.3]", .invalidHost), ("[1.2.3.4::]", .invalidHost), ("[1:]", .invalidHost), ("[:1]", .invalidHost),
            ("[::1:]", .invalidHost),
        ] as [(String, AuthorityError?)])
    func `refuses what is no host and port`(text: String, reason: AuthorityError?) {
        var output = Array("before".utf8)
        var error: AuthorityError?
        do throws(AuthorityError) {
            _ = try Authority.lowercasedHost(of: Array(text.utf8).span, into: &output)
        } catch let refusal {
            error = refusal
            #expect(output == Array("before".utf8))
        }
        #expect(error == reason, "\(text.escaped)")
    }

    private func parse(_ text: String) throws(AuthorityError) -> Authority {
        try Authority.parse(Array(text.utf8).span)
    }

    @Test func `bounds the length of a name`() throws {
        let longest = String(repeating: "a", count: 255)
        #expect(try parse(longest).hostCount == 255)
        #expect(throws: AuthorityError.invalidHost) { try parse(longest + "a") }
    }
}
