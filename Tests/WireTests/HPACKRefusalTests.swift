import Testing

@testable import Wire

/// What RFC 7541 calls a decoding error, section by section.
@Suite("HPACK refusals")
struct HPACKRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let block: String
        let error: HPACKError
        var testDescription: String { what }

        init(_ what: String, _ block: String, _ error: HPACKError) {
            self.what = what
            self.block = block
            self.error = error
        }
    }

    private static let cases = [
        Case("§6.1: index 0", "80", .invalidIndex),
        Case("§2.3.3: an index behind both tables", "be", .invalidIndex),
        Case("§2.3.3: an index far behind both tables", "ffff ff7f", .invalidIndex),
        Case("§6.2.1: a name's index behind both tables", "7e01 61", .invalidIndex),
        Case("§6.2.2: a name's index behind both tables", "0f2f 0161", .invalidIndex),
        Case("§6.2.3: a name's index behind both tables", "1f2f 0161", .invalidIndex),
        Case("§5.1: an integer that ends with the block", "ff", .truncated),
        Case("§5.1: an integer whose continuation ends with the block", "ff80", .truncated),
        Case("§5.1: 2³² and more", "ffff ffff ff0f", .integerOverflow),
        Case("§5.1: six bytes behind the prefix", "ff80 8080 8080 00", .integerOverflow),
        Case("§5.1: zeros without end", "ff80 8080 8080 8080 8080 8080 8080", .integerOverflow),
        Case("§6.2.1: no value", "41", .truncated),
        Case("§6.2.1: no name", "40", .truncated),
        Case("§6.2.2: a name and no value", "0001 61", .truncated),
        Case("§5.2: a string longer than the block", "4003 6162", .truncated),
        Case("§5.2: a value longer than the block", "4001 6102 61", .truncated),
        Case("§5.2: a string of 4 GB", "007f 80ff ffff 0f", .truncated),
        Case("§5.2: Huffman code longer than the block", "4182 f1", .truncated),
        Case("§5.2: padding of zeros", "4181 1e", .invalidHuffmanCode),
        Case("§5.2: padding of eight ones", "4182 1fff", .invalidHuffmanCode),
        Case("§5.2: padding alone, of eight ones", "4181 ff", .invalidHuffmanCode),
        Case("§5.2: padding that is EOS", "4184 3fff ffff", .invalidHuffmanCode),
        Case("§5.2: EOS", "4184 ffff ffff", .invalidHuffmanCode),
        Case("§5.2: EOS behind a symbol", "4185 07ff ffff ff", .invalidHuffmanCode),
        Case(
            "§5.2: EOS in the midst of a long string",
            "4198 0842 1084 2108 4210 8421 ffff ffff 0842 1084 2108 4210 8421", .invalidHuffmanCode),
        Case("§5.2: a code cut off", "4181 fe", .invalidHuffmanCode),
        Case("§5.2: a long code cut off", "4183 ffff fe", .invalidHuffmanCode),
        Case("§5.2: a name in wrong code", "4081 1e01 61", .invalidHuffmanCode),
        Case("§6.3: more than announced", "3fe2 1f", .tableSizeTooLarge),
        Case("§6.3: far more than announced", "3fff ffff ff0f", .integerOverflow),
        Case("§4.2: a table size update behind a field", "8220", .lateTableSizeUpdate),
        Case("§4.2: a table size update between fields", "823f e11f 82", .lateTableSizeUpdate),
    ]

    @Test(arguments: cases)
    func `a wrong block is refused`(_ wrong: Case) {
        var decoder = HPACKDecoder()
        let decoded = decoder.lines(of: hex(wrong.block))
        #expect(decoded == .failure(wrong.error))
        let reference = ReferenceDecoder().lines(of: hex(wrong.block))
        #expect(reference == nil, "and by nghttp2 as well")
    }

    @Test(arguments: [
        ("", []),
        ("4180", [HPACKLine(":authority", "")]),
        ("4181 7f", [HPACKLine(":authority", "9")]),
        ("203f e11f 82", [HPACKLine(":method", "GET")]),
        ("20", []),
        ("0f80 8080 8000 0161", [HPACKLine("accept-charset", "a")]),
        ("4000 00", [HPACKLine("", "")]),
        ("8f", [HPACKLine("accept-charset", "")]),
    ])
    func `what is unusual and allowed is taken`(_ block: String, _ lines: [HPACKLine]) {
        var decoder = HPACKDecoder()
        let decoded = decoder.lines(of: hex(block))
        #expect(decoded == .success(lines))
        let reference = ReferenceDecoder().lines(of: hex(block))
        #expect(reference == lines, "and by nghttp2 as well")
    }
}
