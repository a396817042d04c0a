import Testing
import Wire

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let four: [UInt8] = signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 10, 0, 0, 1, 0x30, 0x39, 1, 187]
    private static let six: [UInt8] =
        signature + [0x21, 0x21, 0, 36] + [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7]
        + Array(repeating: 1, count: 16) + [0, 80, 1, 187]

    private func text(_ line: String) -> [UInt8] { Array(line.utf8) }

    @Test func `version 1 names an address as text`() throws {
        let line = "PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n"
        let header = try #require(try ProxyHeader.parse(text(line + "GET / HTTP/1.1\r\n").span))
        #expect(header == ProxyHeader(byteCount: line.utf8.count, source: .text("192.0.2.1", port: 12_345)))
    }

    @Test func `version 2 names an address in binary, and skips what it adds`() throws {
        #expect(
            try ProxyHeader.parse(Self.four.span)
                == ProxyHeader(byteCount: 28, source: .ipv4(0xC000_0201, port: 12_345)))
        #expect(
            try ProxyHeader.parse((Self.six + [1, 2, 3]).span)
                == ProxyHeader(byteCount: 52, source: .ipv6(high: 0x2001_0DB8_0000_0000, low: 7, port: 80)))
        var longer = Self.four + [4, 0, 1, 9]
        longer[15] = 16
        #expect(
            try ProxyHeader.parse(longer.span)
                == ProxyHeader(byteCount: 32, source: .ipv4(0xC000_0201, port: 12_345)))
    }

    @Test(arguments: [
        Array("PROXY UNKNOWN\r\n".utf8), Array("PROXY UNKNOWN ffff:: ffff:: 1 2\r\n".utf8),
        signature + [0x20, 0, 0, 0], signature + [0x21, 0, 0, 0], signature + [0x20, 0x11, 0, 12] + four[16...],
    ])
    func `a proxy may speak for itself`(bytes: [UInt8]) throws {
        #expect(try ProxyHeader.parse(bytes.span) == ProxyHeader(byteCount: bytes.count, source: nil))
    }

    @Test(arguments: [
        Array("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8), four, six,
    ])
    func `every part of a header is incomplete`(bytes: [UInt8]) throws {
        for count in 0..<bytes.count { #expect(try ProxyHeader.parse(Array(bytes[..<count]).span) == nil) }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n", ProxyHeaderError.missing), ("\u{16}\u{3}\u{1}", .missing), ("PROXX", .missing),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 12345\r\n", .malformed),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443 1\r\n", .malformed),
        ("PROXY TCP5 192.0.2.1 10.0.0.1 12345 443\r\n", .malformed),
        ("PROXY TCP4  192.0.2.1 10.0.0.1 12345 443\r\n", .malformed),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n", .malformed),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n", .malformed),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 01 443\r\n", .malformed),
        ("PROXY TCP4 192.0.2.1 10.0.0.1 1 443\n", .malformed),
        ("PROXY TCP4 \(String(repeating: "1", count: 100)) 10.0.0.1 1 443\r\n", .tooLong),
    ])
    func `anything else is refused`(line: String, error: ProxyHeaderError) {
        #expect(throws: error) { try ProxyHeader.parse(text(line).span) }
    }

    @Test func `a version 2 that is wrong is refused`() {
        for (position, value) in [(12, UInt8(0x31)), (12, 0x22), (13, 0x41), (13, 0x13), (15, 11), (14, 0xFF)] {
            var bytes = Self.four
            bytes[position] = value
            #expect(throws: ProxyHeaderError.self, "\(position)") { try ProxyHeader.parse(bytes.span) }
        }
    }
}
