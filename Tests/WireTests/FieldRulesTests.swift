import Testing

@testable import Wire

@Suite("Bytes and fields")
struct FieldRulesTests {
    private static let alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    @Test(
        arguments: [
            (ByteSet.token, "!#$%&'*+-.^_`|~" + alphanumeric),
            (ByteSet.unreserved, "-._~" + alphanumeric),
            (ByteSet.pathCharacter, "-._~!$&'()*+,;=:@" + alphanumeric),
        ])
    func `a byte set holds exactly the characters that its RFC lists`(set: ByteSet, characters: String) {
        let expected = Set(characters.utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(set.contains(byte) == expected.contains(byte), "byte \(byte)")
        }
    }

    @Test func `the table of field names holds the lower case of what a token may have`() {
        for byte in UInt8.min...UInt8.max {
            let expected = ByteSet.token.contains(byte) ? ASCII.lowercased(byte) : 0
            #expect(TokenTable.lowercase[Int(byte)] == expected, "byte \(byte)")
        }
    }

    private func firstControl(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        ByteScan.firstControl(in: bytes.span, from: range.lowerBound, to: range.upperBound)
    }

    @Test func `finds the first control byte at every offset and length`() {
        for length in 0...40 {
            for place in 0..<length {
                for control: UInt8 in [0x00, 0x0A, 0x0D, 0x1F, 0x7F] {
                    // HTAB, SP and bytes from 0x80 around it: the neighbours that a word-wise search mistakes.
                    var bytes = (0..<length).map { [0x09, 0x20, 0x80, 0xFF, 0x7E][$0 % 5] as UInt8 }
                    bytes[place] = control
                    #expect(firstControl(bytes, 0..<length) == place)
                    #expect(firstControl(bytes, place..<length) == place)
                    #expect(firstControl(bytes, place + 1..<length) == length)
                    #expect(firstControl(bytes, 0..<place) == place)
                }
            }
        }
    }

    /// Each search against its definition, with every byte at every place of texts around the sixteen bytes of a step.
    @Test func `searches find each byte wherever it stands`() {
        for length in [1, 7, 15, 16, 17, 31, 32, 40] {
            for place in 0..<length {
                for byte in UInt8.min...UInt8.max {
                    var bytes = [UInt8](repeating: 0x41, count: length)
                    bytes[place] = byte
                    let isVisible = (0x21...0x7E).contains(byte)
                    let isPlain = (0x20...0x7E).contains(byte) && byte != 0x22 && byte != 0x5C
                    let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
                    let isSpaceOrControl = byte <= 0x20 || byte == 0x7F
                    let verdict =
                        ByteScan.isVisible(bytes.span) == isVisible && ByteScan.isPlainJSON(bytes.span) == isPlain
                        && ByteScan.hasSpaceOrControl(bytes.span) == isSpaceOrControl
                        && firstControl(bytes, 0..<length) == (isControl ? place : length)
                    #expect(verdict, "byte \(byte) at \(place) of \(length)")
                }
            }
        }
    }

    @Test func `equality compares every byte`() {
        for length in 0...40 {
            let bytes = (0..<length).map { UInt8($0) }
            let same = bytes
            let isSame = ByteScan.equal(bytes.span, same.span)
            #expect(isSame, "\(length) bytes")
            for place in 0..<length {
                var other = bytes
                other[place] ^= 0x80
                let isOther = !ByteScan.equal(bytes.span, other.span)
                #expect(isOther, "\(place) of \(length)")
            }
        }
    }

    @Test(arguments: [("GET", true), ("x-1", true), ("", false), ("a b", false), ("a:", false), ("é", false)])
    func `tells tokens`(text: String, isToken: Bool) {
        let verdict = FieldRules.isToken(Array(text.utf8).span)
        #expect(verdict == isToken)
    }

    @Test(
        arguments: [
            ("", true), ("a b\tc", true), ("ÿ", true), (" a", false), ("a\t", false), ("a\r\nb", false),
            ("a\0", false), ("a\u{7F}", false), ("\u{1B}[0m", false),
        ])
    func `tells field values`(text: String, isValue: Bool) {
        let verdict = FieldRules.isFieldValue(Array(text.utf8).span)
        #expect(verdict == isValue)
    }

    @Test(
        arguments: [
            ("", []), (",", []), (" , ,", []), ("a", ["a"]), (" a ,\tb,,c ", ["a", "b", "c"]), ("a b,c", ["a b", "c"]),
        ])
    func `splits lists as RFC 9110 §5.6.1 asks recipients to`(value: String, members: [String]) {
        var found: [String] = []
        FieldRules.forEachListMember(of: Array(value.utf8).span) { found.append(String(copying: $0)) }
        #expect(found == members)
    }

    @Test(
        arguments: [
            "transfer-encoding", "content-length", "host", "connection", "te", "authorization", "cookie", "set-cookie",
            "content-type", "content-encoding", "content-range", "cache-control", "expect", "max-forwards", "trailer",
            "forwarded",
        ])
    func `forbids in trailers what decides about framing, routing and rights`(name: String) {
        let isForbidden = FieldRules.isForbiddenInTrailer(Array(name.utf8).span)
        #expect(isForbidden)
    }

    @Test(arguments: ["grpc-status", "grpc-message", "server-timing", "digest", "x-checksum", "etag"])
    func `allows in trailers what sums up the content`(name: String) {
        let isForbidden = FieldRules.isForbiddenInTrailer(Array(name.utf8).span)
        #expect(!isForbidden)
    }

    @Test func `has a phrase for each registered status and none for others`() {
        #expect(ReasonPhrase.of(200).description == "OK")
        #expect(ReasonPhrase.of(413).description == "Content Too Large")
        #expect(ReasonPhrase.of(421).description == "Misdirected Request")
        #expect(ReasonPhrase.of(599).description.isEmpty)
        #expect(ReasonPhrase.of(299).description.isEmpty)
        #expect(ReasonPhrase.of(99).description.isEmpty)
    }
}
