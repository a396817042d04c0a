import Testing

@testable import Wire

@Suite("HPACK decoder")
struct HPACKDecoderTests {
    private struct Seen: Equatable {
        var name: HPACKName
        var nameCount: Int
        var isWellFormed: Bool
    }

    private static func seen(
        _ decoder: inout HPACKDecoder, _ block: [UInt8], stopAfter: Int = .max
    ) throws(HPACKError) -> [Seen] {
        var scratch = HPACKScratch()
        var seen: [Seen] = []
        try decoder.decode(block.span, scratch: &scratch) { bytes, field in
            seen.append(Seen(name: field.name, nameCount: field.nameCount, isWellFormed: field.isWellFormed))
            return seen.count < stopAfter
        }
        return seen
    }

    @Test func `a name's number comes with the field, from the static table, a literal and the dynamic table`() throws {
        var decoder = HPACKDecoder()
        // :method POST, cookie: a (inserted), :protocol: b (a literal name, inserted), x: c; then both entries again.
        let seen = try Self.seen(&decoder, hex("83 6001 61 4009 3a70 726f 746f 636f 6c01 62 0001 7801 63 bebf"))
        let expected: [(HPACKName, Int)] = [
            (.method, 7), (.cookie, 6), (.protocol, 9), (.unknown, 1), (.protocol, 9), (.cookie, 6),
        ]
        #expect(seen == expected.map { Seen(name: $0.0, nameCount: $0.1, isWellFormed: true) })
    }

    @Test(arguments: [
        ("a", "b", true), ("a", "", true), ("x-1_~!", "a\tb c", true), ("a", "\u{E9}", true), (":p", "x", true),
        ("", "a", false), (":", "a", false), ("A", "b", false), ("a b", "c", false), ("a:", "c", false),
        ("::a", "c", false), ("\u{E9}", "c", false), ("a\u{7F}", "c", false), ("a", " b", false), ("a", "b ", false),
        ("a", "\tb", false), ("a", "b\u{0}c", false), ("a", "b\rc", false), ("a", "b\n", false),
        ("a", "b\u{7F}", false),
        ("a", String(repeating: "b", count: 40) + "\n" + String(repeating: "b", count: 40), false),
    ])
    func `RFC 9113 §8.2.1 is checked once and remembered`(_ name: String, _ value: String, _ isGood: Bool) throws {
        var decoder = HPACKDecoder()
        let literal = [UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        // Without indexing, inserted, never indexed; then the entry; then its name with a value that is fine.
        let block = [0] + literal + [0x40] + literal + [0x10] + literal + [0xBE, 0x7E, 0x01, 0x63]
        let seen = try Self.seen(&decoder, block)
        let isNameGood = isGood || (name == "a" && !isGood)
        #expect(seen.map(\.isWellFormed) == [isGood, isGood, isGood, isGood, isNameGood])
    }

    @Test func `after false nothing is emitted and the table stays in step`() throws {
        var decoder = HPACKDecoder()
        let seen = try Self.seen(&decoder, hex("82 4001 6101 62 4001 6301 64 bebe"), stopAfter: 1)
        #expect(seen.count == 1)
        let lines = try decoder.lines(of: hex("bebf")).get()
        #expect(lines == [HPACKLine("c", "d"), HPACKLine("a", "b")])
    }

    @Test func `after false a wrong block is refused all the same`() {
        var decoder = HPACKDecoder()
        #expect(throws: HPACKError.invalidIndex) { try Self.seen(&decoder, hex("8282 ff00"), stopAfter: 1) }
    }

    @Test func `a field larger than the table empties it and is emitted`() throws {
        var decoder = HPACKDecoder(tableSize: 100)
        let large = HPACKLine("large", String(repeating: "x", count: 100))
        let first = try decoder.lines(of: hex("4001 6101 62")).get()
        #expect(first.count == 1)
        let lines = try decoder.lines(of: [0x40, 5] + large.name + [100] + large.value).get()
        #expect(lines == [large])
        let tableSize = decoder.tableSize
        #expect(tableSize == 0)
        let gone = decoder.lines(of: hex("be"))
        #expect(gone == .failure(.invalidIndex))
    }

    /// §4.4: the name of the entry that the new one displaces.
    @Test func `a name may come from the entry that is displaced`() throws {
        var decoder = HPACKDecoder(tableSize: 80)
        let lines = try decoder.lines(of: hex("4002 6162 0163 7e1e") + [UInt8](repeating: 0x7A, count: 30)).get()
        #expect(lines == [HPACKLine("ab", "c"), HPACKLine("ab", String(repeating: "z", count: 30))])
        let tableSize = decoder.tableSize
        #expect(tableSize == 64)
    }

    // MARK: - authorization

    private static func bearer(_ letter: String, _ count: Int = 300) -> HPACKLine {
        HPACKLine("authorization", "Bearer " + String(repeating: letter, count: count), isNeverIndexed: true)
    }

    @Test func `tokens that repeat, change, grow and shrink are each decoded as they came`() throws {
        let encoder = ReferenceEncoder()
        var decoder = HPACKDecoder()
        let tokens = [
            Self.bearer("a"), Self.bearer("a"), Self.bearer("b"), Self.bearer("a"), Self.bearer("a", 299),
            Self.bearer("a", 301), Self.bearer("a", 301), Self.bearer("c", 3), Self.bearer("c", 3),
            Self.bearer("a", 5000), Self.bearer("a", 5000), Self.bearer("a"), HPACKLine("authorization", "Bearer \n"),
            Self.bearer("a"),
        ]
        for token in tokens {
            let fields = [HPACKLine(":path", "/x"), token, HPACKLine("x", "y")]
            let lines = try decoder.lines(of: encoder.block(of: fields)).get()
            #expect(lines.map(\.value) == fields.map(\.value))
        }
    }

    @Test func `a token that a block cuts off is not taken for the last one`() throws {
        let encoder = ReferenceEncoder()
        var decoder = HPACKDecoder()
        let block = encoder.block(of: [Self.bearer("a")])
        _ = try decoder.lines(of: block).get()
        let short = decoder.lines(of: Array(block.dropLast()))
        #expect(short == .failure(.truncated))
    }

    @Test func `a token that is not well-formed never is`() throws {
        var decoder = HPACKDecoder()
        let token = [0x1F, 0x08, 40] + [UInt8](repeating: 0x61, count: 39) + [0x0A]
        for _ in 0..<3 {
            let seen = try Self.seen(&decoder, token)
            #expect(seen.map(\.isWellFormed) == [false])
        }
    }
}
