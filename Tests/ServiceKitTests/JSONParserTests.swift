import Testing

@testable import ServiceKit

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test func `keeps numbers as they are written`() throws {
        #expect(
            try parse("[0, -0, 12.30, 1e5, 9223372036854775808]")
                == .array([
                    .number("0"), .number("-0"), .number("12.30"), .number("1e5"), .number("9223372036854775808"),
                ]))
    }

    @Test func `keeps members in order, repeated ones too`() throws {
        let json = try parse(#" { "b" : 1 , "a" : [ ] , "b" : { } } "#)
        #expect(json.members?.map(\.name) == ["b", "a", "b"])
    }

    @Test(arguments: [
        (#""\u0041\n\t\"\\\/\b\f\r""#, "A\n\t\"\\/\u{8}\u{c}\r"), (#""\ud83d\ude00""#, "😀"), ("\"é😀\"", "é😀"),
        (#""a\u0000b""#, "a\u{0}b"),
    ])
    func `reads escapes and text`(text: String, expected: String) throws {
        #expect(try parse(text) == .string(expected))
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "01", "-", "1.", ".5", "1e",
        "+1",
        "NaN", "Infinity", "tru", "nul", "'a'", "{a:1}", "// c\n1", "1 2", "{} {}", "\u{FEFF}1", "\"\u{1}\"", "\"\n\"",
        #""\x""#, #""\u12""#, #""\u12g4""#, #""\ud800""#, #""\ud800\u0041""#, #""\ude00""#, #""\ud800x""#, "00",
        "1.2.3",
    ])
    func `refuses what is not JSON`(text: String) {
        #expect(throws: JSONSyntaxError.self) { try parse(text) }
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC3, 0x22],
    ])
    func `refuses invalid UTF-8`(bytes: [UInt8]) {
        #expect(throws: JSONSyntaxError(reason: .invalidUTF8, offset: 1)) { try JSONParser.parse(bytes) }
    }

    @Test func `bounds the depth`() throws {
        let deepest = JSONParser.maximumDepth
        let nest = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try parse(nest(deepest))
        #expect(throws: JSONSyntaxError(reason: .tooDeep, offset: deepest)) { try parse(nest(deepest + 1)) }
        #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func `names the byte that is wrong`() {
        #expect(throws: JSONSyntaxError(reason: .unexpectedByte, offset: 7)) { try parse(#"{"a":1 x"#) }
        #expect(throws: JSONSyntaxError(reason: .endOfText, offset: 5)) { try parse(#"{"a":"#) }
    }

    @Test func `survives every mutation of a valid text`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        let text = Array(#"{"name":"Kaffee \u00e9","price":12.30,"list":[1,true,null,{"x":"y"}]}"#.utf8)
        for _ in 0..<5_000 {
            var mutated = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // Whether it parses does not matter; what parses must survive being written and read again.
            guard let json = try? JSONParser.parse(mutated) else { continue }
            #expect((try? JSONParser.parse(Array(json.text.utf8))) == json, "seed \(seed)")
        }
    }
}

/// A small generator with a seed that a failing test can print.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
