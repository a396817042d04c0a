import Testing

@testable import Wire

@Suite("Header block")
struct HeaderBlockTests {
    private func block(_ fields: [(String, String)]) -> HeaderBlock {
        var block = HeaderBlock()
        for (name, value) in fields {
            block.append(name: Array(name.utf8).span, value: Array(value.utf8).span)
        }
        return block
    }

    @Test func `stores names in lower case and values as they are`() {
        let block = block([("Content-TYPE", "Text/HTML"), ("X_`[@Z", "é")])
        #expect(block.summary == [FieldSummary("content-type", "Text/HTML"), FieldSummary("x_`[@z", "é")])
    }

    @Test func `finds the first field of a name, whatever its place`() {
        let block = block([("a", "1"), ("B", "2"), ("b", "3")])
        #expect(block.string(of: "b") == "2")
        #expect(block.count(of: "b") == 2)
        #expect(block.contains("a") == true)
        #expect(block.contains("c") == false)
        #expect(block.firstIndex(of: "b") == 1)
        #expect(block.withValue(of: "c") { $0.count } == nil)
    }

    @Test func `appends static, byte, integer and text values`() {
        var block = HeaderBlock()
        block.append("one", "1")
        block.append("two", Array("2".utf8))
        block.append("three", 0)
        block.append("four", UInt64.max)
        block.append("five", text: "fünf")
        #expect(
            block.summary == [
                FieldSummary("one", "1"), FieldSummary("two", "2"), FieldSummary("three", "0"),
                FieldSummary("four", "18446744073709551615"), FieldSummary("five", "fünf"),
            ])
    }

    @Test func `skips removed fields everywhere`() {
        var block = block([("a", "1"), ("b", "2"), ("a", "3")])
        #expect(block.remove("a") == 2)
        #expect(block.remove("a") == 0)
        #expect(block.count == 1)
        #expect(block.summary == [FieldSummary("b", "2")])
        #expect(block.indices.filter { !block.isRemoved(at: $0) } == [1])
        block.remove(at: 0)
        #expect(block.count == 1)
        #expect(block.contains("a") == false)
    }

    @Test func `counts bytes as SETTINGS_MAX_HEADER_LIST_SIZE does`() {
        var block = block([("name", "value"), ("x", "")])
        #expect(block.byteCount == 4 + 5 + 32 + 1 + 32)
        block.remove("name")
        #expect(block.byteCount == 33)
        block.removeAll()
        #expect(block.byteCount == 0)
    }

    @Test func `replaces every field of a name by one`() {
        var block = block([("x", "1"), ("y", "2"), ("x", "3")])
        block.set("x", "4")
        #expect(block.summary == [FieldSummary("y", "2"), FieldSummary("x", "4")])
    }

    @Test func `removes by predicate`() {
        var block = block([("x-a", "1"), ("y", "2"), ("x-b", "3")])
        block.removeAll { $0.count == 3 && $0[0] == UInt8(ascii: "x") }
        #expect(block.summary == [FieldSummary("y", "2")])
    }

    @Test func `keeps flags, and a flag never brings a removed field back`() {
        var block = block([("a", "1"), ("b", "2")])
        block.setFlags(.neverIndexed, at: 0)
        #expect(block.field(at: 0).flags == .neverIndexed)
        block.remove(at: 1)
        block.setFlags([], at: 1)
        #expect(block.isRemoved(at: 1) == true)
        block.append("c", "3", flags: HeaderBlock.Flags(rawValue: 0xFF))
        #expect(block.isRemoved(at: 2) == false)
    }

    @Test func `keeps its memory across reuse`() {
        var block = HeaderBlock(arenaCapacity: 256, fieldCapacity: 8)
        block.append("name", "value")
        let before = block.withUnsafeBytes { $0.baseAddress }
        block.removeAll()
        block.append("other", "value")
        #expect(block.withUnsafeBytes { $0.baseAddress } == before)
        #expect(block.summary == [FieldSummary("other", "value")])
    }

    @Test func `offers offsets that point into the arena`() {
        let block = block([("Host", "example.com")])
        let field = block.field(at: 0)
        block.withUnsafeBytes { arena in
            #expect(String(decoding: arena[field.nameRange], as: UTF8.self) == "host")
            #expect(String(decoding: arena[field.valueRange], as: UTF8.self) == "example.com")
        }
    }

    @Test func `compares values with and without letter case`() {
        let block = block([("upgrade", "WebSocket")])
        #expect(block.valueEquals(at: 0, "WebSocket") == true)
        #expect(block.valueEquals(at: 0, "websocket") == false)
        #expect(block.valueEqualsIgnoringCase(at: 0, "websocket") == true)
        #expect(block.valueEqualsIgnoringCase(at: 0, "websockets") == false)
    }
}

@Suite("Hop-by-hop fields")
struct HopByHopTests {
    private func remaining(_ fields: [(String, String)]) -> [FieldSummary] {
        var block = HeaderBlock()
        for (name, value) in fields { block.append(name: Array(name.utf8).span, value: Array(value.utf8).span) }
        block.removeHopByHopFields()
        return block.summary
    }

    @Test(
        arguments: [
            "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "proxy-authenticate",
            "proxy-authorization", "proxy-authentication-info",
        ])
    func `removes what RFC 9110 §7.6.1 keeps to one hop`(name: String) {
        #expect(remaining([(name, "x"), ("accept", "*/*")]) == [FieldSummary("accept", "*/*")])
    }

    @Test func `removes what Connection names, in any case and number`() {
        let left = remaining([
            ("x-one", "1"), ("Connection", "X-One , close,, x-two"), ("x-two", "2"), ("connection", "x-three"),
            ("x-three", "3"), ("x-four", "4"), ("x-two", "again"),
        ])
        #expect(left == [FieldSummary("x-four", "4")])
    }

    @Test func `keeps te when it says trailers and nothing else`() {
        #expect(remaining([("connection", "te"), ("te", "Trailers")]) == [FieldSummary("te", "Trailers")])
        #expect(remaining([("te", "trailers, gzip")]).isEmpty)
        #expect(remaining([("te", "gzip")]).isEmpty)
    }

    @Test func `leaves end-to-end fields alone`() {
        let fields = [("trailer", "x"), ("content-length", "5"), ("cookie", "a=b"), ("keep-alives", "1")]
        #expect(remaining(fields).count == fields.count)
    }
}
