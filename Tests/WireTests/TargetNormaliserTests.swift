import Testing

@testable import Wire

@Suite("Request targets")
struct TargetNormaliserTests {
    private func canonical(_ target: String) throws(TargetError) -> (text: String, pathCount: Int) {
        var output = Array("left over".utf8)
        let pathCount = try TargetNormaliser.canonicalise(Array(target.utf8).span, into: &output)
        return (String(decoding: output, as: UTF8.self), pathCount)
    }

    private func isCanonical(_ target: String) throws(TargetError) -> Bool {
        try TargetNormaliser.canonicalPathCount(Array(target.utf8).span) != nil
    }

    @Test(
        arguments: [
            "/", "/a", "/a/", "/a/b.c/d-e_f~g", "/...", "/a/.../b", "/.hidden", "/..hidden", "/a..", "/a./b",
            "/a;b=c/d", "/x@y:z!$&'()*+,;=", "/%20/%C3%A9", "/%25", "/100%25", "/%25zz", "/%3F%23%3B", "/a?b=c",
            "/a?", "/?", "/a?//../%2f%5c%00%zz\\^|{}`\"<>'[]?x", "/;/a", "/...;x",
            "/..%20", "/..a%3B", "/...%3B", "/%E0%A0%80", "/%F0%90%80%80", "/%C2%80", "/%C0", "/%C0x", "/%C0%20",
        ])
    func `leaves a canonical target untouched`(target: String) throws {
        let result = try canonical(target)
        #expect(result.text == target)
        #expect(result.pathCount == target.utf8.prefix { $0 != UInt8(ascii: "?") }.count)
        #expect(try isCanonical(target))
    }

    /// RFC 3986 §6.2.2.1 and §6.2.2.2, and the delimiters that browsers leave raw.
    @Test(
        arguments: [
            ("/%7Euser", "/~user"), ("/%7euser", "/~user"), ("/%41%62%30%2D%5f", "/Ab0-_"), ("/%c3%a9", "/%C3%A9"),
            ("/a%3ab", "/a%3Ab"), ("/a|b[c]^", "/a%7Cb%5Bc%5D%5E"), ("/a%2Eb?%41", "/a.b?%41"),
            ("/%2e%2e%2e", "/..."), ("/%3b%3f", "/%3B%3F"),
        ])
    func `writes equivalent targets alike`(target: String, expected: String) throws {
        #expect(try canonical(target).text == expected)
        #expect(try !isCanonical(target))
        #expect(try canonical(expected).text == expected)
    }

    @Test(
        arguments: [
            ("", TargetError.notOriginForm), ("*", .notOriginForm), ("a", .notOriginForm), ("?a", .notOriginForm),
            ("http://a/", .notOriginForm), ("%2F", .notOriginForm), ("\\", .notOriginForm),
            ("/a#b", .fragment), ("/a?b#c", .fragment),
            ("/a b", .invalidByte), ("/a\tb", .invalidByte), ("/a\0", .invalidByte), ("/é", .invalidByte),
            ("/a?\0", .invalidByte), ("/a?b c", .invalidByte), ("/a?\r\n", .invalidByte), ("/a?é", .invalidByte),
            ("/a\u{7F}", .invalidByte), ("/a\"", .invalidByte), ("/<a>", .invalidByte), ("/{a}", .invalidByte),
            ("/`", .invalidByte),
            ("/a\\b", .backslash), ("/..\\b", .backslash),
            ("/%", .malformedEscape), ("/%4", .malformedEscape), ("/%4g", .malformedEscape), ("/%g4", .malformedEscape),
            ("/%%41", .malformedEscape), ("/%4?1", .malformedEscape), ("/%u0041", .malformedEscape),
            ("/a%2Fb", .encodedSlash), ("/a%2fb", .encodedSlash), ("/..%2F", .encodedSlash),
            ("/a%5Cb", .encodedBackslash), ("/a%5c", .encodedBackslash),
            ("/a%00", .encodedControl), ("/%0d%0a", .encodedControl), ("/%09", .encodedControl),
            ("/%1F", .encodedControl), ("/%7f", .encodedControl),
            ("/%2541", .doubleEncoding), ("/%252e%252e/", .doubleEncoding), ("/%252F", .doubleEncoding),
            ("/%25%32%65", .doubleEncoding), ("/%25%41A", .doubleEncoding), ("/%25ff", .doubleEncoding),
            ("/.", .dotSegment), ("/..", .dotSegment), ("/./", .dotSegment), ("/../", .dotSegment),
            ("/a/../b", .dotSegment), ("/a/./b", .dotSegment), ("/a/..", .dotSegment), ("/a/.", .dotSegment),
            ("/%2e", .dotSegment), ("/%2E%2e/", .dotSegment), ("/a/.%2e/b", .dotSegment), ("/a/%2e./b", .dotSegment),
            ("/..;/b", .dotSegment), ("/a/..;x=y/b", .dotSegment), ("/.;/b", .dotSegment), ("/%2e%2e;/", .dotSegment),
            ("/..?a", .dotSegment), ("/..%3b/b", .dotSegment), ("/.%3Bx/b", .dotSegment), ("/..%3f/b", .dotSegment),
            ("/..%23", .dotSegment),
            ("/%c0%ae", .overlongEncoding), ("/%C1%BF", .overlongEncoding), ("/%c0%80", .overlongEncoding),
            ("/%e0%80%ae", .overlongEncoding), ("/%E0%9F%BF", .overlongEncoding), ("/%f0%80%80%af", .overlongEncoding),
            ("/%F0%8F%BF%BF", .overlongEncoding),
            ("//", .emptySegment), ("//a", .emptySegment), ("/a//b", .emptySegment), ("/a//", .emptySegment),
            ("///", .emptySegment), ("//?a", .emptySegment),
        ])
    func `refuses what servers read differently`(target: String, reason: TargetError) {
        #expect(throws: reason, "\(target.escaped)") { try canonical(target) }
        #expect((try? isCanonical(target)) != true, "\(target.escaped)")
        #expect(reason.description != reason.rawValue)
    }

    @Test func `canonicalises the target of a head in place`() throws {
        var head = RequestHead()
        var scratch: [UInt8] = []
        head.setTarget("/%7Ea/b?c=%7e")
        try head.canonicaliseTarget(scratch: &scratch)
        #expect(head.targetString == "/~a/b?c=%7e")
        #expect(head.withPath { String(copying: $0) } == "/~a/b")
        #expect(head.withQuery { String(copying: $0) } == "c=%7e")
        #expect(head.hasQuery == true)

        head.setTarget("/a/../b")
        #expect(throws: TargetError.dotSegment) { try head.canonicaliseTarget(scratch: &scratch) }
        #expect(head.targetString == "/a/../b")

        head.setTarget("/plain")
        scratch.removeAll()
        try head.canonicaliseTarget(scratch: &scratch)
        #expect(scratch.isEmpty)
        #expect(head.withPath { String(copying: $0) } == "/plain")
        #expect(head.withQuery { $0.count } == 0)
        #expect(head.hasQuery == false)
    }

    /// Random targets of the bytes that matter: an accepted one is a fixed point without anything ambiguous in it.
    @Test func `the canonical form is a fixed point without ambiguity`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("//..%%2255eEfFcC47aZ~;?|^#\\ ".utf8) + [0x00, 0x80]
        var accepted = 0
        for _ in 0..<20_000 {
            let target = String(decoding: Array("/".utf8) + generator.bytes(from: alphabet, 0...12), as: UTF8.self)
            let result: (text: String, pathCount: Int)
            do throws(TargetError) { result = try canonical(target) } catch { continue }
            accepted += 1
            let again = try canonical(result.text)
            #expect(again == result, "seed \(seed), target \(target.escaped)")
            let path = String(decoding: Array(result.text.utf8.prefix(result.pathCount)), as: UTF8.self)
            let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().dropLast()
            #expect(!segments.contains(""), "seed \(seed), target \(target.escaped)")
            #expect(!segments.contains { $0 == "." || $0 == ".." }, "seed \(seed), target \(target.escaped)")
            for unwanted in ["%2F", "%5C", "%00", "%2E", "\\", "|"] {
                #expect(path.ranges(of: unwanted).isEmpty, "seed \(seed), target \(target.escaped)")
            }
            // An encoded percent sign may stand, but not before two hex digits.
            for rest in path.split(separator: "%25", omittingEmptySubsequences: false).dropFirst() {
                let isDoubled = rest.count >= 2 && rest.prefix(2).allSatisfy(\.isHexDigit)
                #expect(!isDoubled, "seed \(seed), target \(target.escaped)")
            }
        }
        #expect(accepted > 500, "seed \(seed)")
    }
}
