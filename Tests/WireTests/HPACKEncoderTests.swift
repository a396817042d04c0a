import Testing

@testable import Wire

@Suite("HPACK encoder")
struct HPACKEncoderTests {
    @Test(arguments: [
        (":method", "GET", "82"), (":method", "POST", "83"), (":path", "/", "84"), (":scheme", "http", "86"),
        (":scheme", "https", "87"), (":status", "200", "88"), (":status", "204", "89"), (":status", "206", "8a"),
        (":status", "304", "8b"), (":status", "400", "8c"), (":status", "404", "8d"), (":status", "500", "8e"),
        ("accept-encoding", "gzip, deflate", "90"), (":method", "PUT", "02 0350 5554"), (":path", "/a", "04 022f 61"),
        (":status", "418", "08 0334 3138"), ("te", "x", "00 0274 6501 78"), ("b", "", "00 0162 00"),
        ("content-length", "0", "0f0d 0130"), ("authorization", "a", "1f08 0161"), ("cookie", "a=b", "1f11 0361 3d62"),
    ])
    func `a first field is one of the static table or a literal`(_ name: String, _ value: String, _ block: String) {
        var encoder = HPACKEncoder()
        let written = encoder.block(of: [HPACKLine(name, value)])
        #expect(written == hex(block))
    }

    @Test(arguments: [200, 204, 302, 404, 503] as [UInt16])
    func `a status is a field`(_ status: UInt16) {
        var encoder = HPACKEncoder()
        let written = [UInt8](capacity: 16) { encoder.encode(status: status, into: &$0) }
        var other = HPACKEncoder()
        let expected = other.block(of: [HPACKLine(":status", "\(status)")])
        #expect(written == expected)
    }

    @Test func `a field is a literal, then inserted, then an index`() {
        var encoder = HPACKEncoder()
        let lines = [HPACKLine("accept", "*/*"), HPACKLine("x-a", "b")]
        let blocks = (0..<4).map { _ in encoder.block(of: lines) }
        #expect(blocks[0] == hex("0f04 032a 2f2a 0003 782d 6101 62"))
        #expect(blocks[1] == hex("53 032a 2f2a 4003 782d 6101 62"))
        #expect(blocks[2] == hex("bfbe"))
        #expect(blocks[3] == hex("bfbe"))
    }

    @Test(arguments: [
        ":path", "content-length", "date", "etag", "location", "set-cookie", "x-request-id", "traceparent", "age",
    ])
    func `what is another each time is never inserted`(_ name: String) {
        var encoder = HPACKEncoder()
        for _ in 0..<4 { _ = encoder.block(of: [HPACKLine(name, "the same all the same")]) }
        let tableSize = encoder.tableSize
        #expect(tableSize == 0)
    }

    @Test(arguments: [
        HPACKLine("authorization", "Bearer 0123456789"), HPACKLine("proxy-authorization", "Basic 0123456789"),
        HPACKLine("x-api-key", "0123456789"), HPACKLine("cookie", "session=12345"),
        HPACKLine("x-secret", "0123456789", isNeverIndexed: true),
        HPACKLine("accept", "0123456789", isNeverIndexed: true),
    ])
    func `a secret is a never-indexed literal each time`(_ line: HPACKLine) {
        var encoder = HPACKEncoder()
        for _ in 0..<4 {
            let lines = ReferenceDecoder().lines(of: encoder.block(of: [line]))
            #expect(lines == [HPACKLine(line.name, line.value, isNeverIndexed: true)])
        }
        let tableSize = encoder.tableSize
        #expect(tableSize == 0)
    }

    @Test func `a cookie that cannot be guessed is inserted`() {
        var encoder = HPACKEncoder()
        let cookie = HPACKLine("cookie", "session=0123456789abcdef")
        let blocks = (0..<3).map { _ in encoder.block(of: [cookie]) }
        #expect(blocks[2] == hex("be"))
    }

    @Test func `a field of more than a quarter of the table is not inserted`() {
        var encoder = HPACKEncoder()
        for _ in 0..<3 { _ = encoder.block(of: [HPACKLine("x", String(repeating: "a", count: 1024))]) }
        let tableSize = encoder.tableSize
        #expect(tableSize == 0)
    }

    @Test func `fields that come once displace nothing`() {
        var encoder = HPACKEncoder()
        for _ in 0..<2 { _ = encoder.block(of: [HPACKLine("user-agent", "curl/8.0")]) }
        let size = encoder.tableSize
        for number in 0..<1000 { _ = encoder.block(of: [HPACKLine("x-forwarded-for", "10.0.0.\(number)")]) }
        let tableSize = encoder.tableSize
        #expect(tableSize == size)
        let again = encoder.block(of: [HPACKLine("user-agent", "curl/8.0")])
        #expect(again == hex("be"))
    }

    @Test func `many fields that repeat are all found again`() {
        var encoder = HPACKEncoder()
        let lines = (0..<24).map { HPACKLine("x-field-\($0)", "value \($0 * 7919)") }
        for _ in 0..<4 { _ = encoder.block(of: lines) }
        let block = encoder.block(of: lines)
        #expect(block.count == 24, "an index each")
    }

    // MARK: - The other side's table

    @Test func `the largest table is our own, whatever is offered`() {
        var encoder = HPACKEncoder()
        encoder.setPeerTableSize(1 << 20)
        let block = encoder.block(of: [HPACKLine(":method", "GET")])
        #expect(block == hex("82"))
    }

    @Test func `a smaller table is told once, in the next block`() {
        var encoder = HPACKEncoder()
        encoder.setPeerTableSize(100)
        let blocks = (0..<2).map { _ in encoder.block(of: [HPACKLine(":method", "GET")]) }
        #expect(blocks == [hex("3f45 82"), hex("82")])
    }

    /// RFC 7541 §4.2.
    @Test func `of several changes the smallest and the last are told`() {
        var encoder = HPACKEncoder()
        for bytes in [1000, 0, 4096, 200, 3000] { encoder.setPeerTableSize(bytes) }
        let block = encoder.block(of: [])
        #expect(block == hex("20 3f99 17"))
        encoder.setPeerTableSize(100)
        encoder.setPeerTableSize(3000)
        let shrunk = encoder.block(of: [])
        #expect(shrunk == hex("3f45 3f99 17"))
        encoder.setPeerTableSize(3000)
        let same = encoder.block(of: [])
        #expect(same == [])
    }

    @Test func `without a table nothing is inserted`() {
        var encoder = HPACKEncoder()
        encoder.setPeerTableSize(0)
        for _ in 0..<4 { _ = encoder.block(of: [HPACKLine("accept", "*/*")]) }
        let tableSize = encoder.tableSize
        #expect(tableSize == 0)
    }
}
