import Testing

@testable import ServiceKit

@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `writes objects and arrays with commas where they belong`() {
        let text = written { writer in
            writer.object { writer in
                writer.name("a")
                writer.integer(1)
                writer.name("b")
                writer.array { writer in
                    writer.bool(true)
                    writer.null()
                    writer.object { _ in }
                    writer.array { _ in }
                }
                writer.name("c")
                writer.string("x")
            }
        }
        #expect(text == #"{"a":1,"b":[true,null,{},[]],"c":"x"}"#)
    }

    @Test(arguments: [
        (Int64(0), "0"), (7, "7"), (10, "10"), (-1, "-1"), (.max, "9223372036854775807"),
        (.min, "-9223372036854775808"),
    ])
    func `writes integers of every size`(value: Int64, expected: String) {
        #expect(written { $0.integer(value) } == expected)
    }

    @Test(arguments: [
        (Int64(0), "0.00"), (5, "0.05"), (-5, "-0.05"), (100, "1.00"), (1_230, "12.30"), (.max, "92233720368547758.07"),
        (.min, "-92233720368547758.08"),
    ])
    func `writes hundredths with two decimals`(value: Int64, expected: String) {
        #expect(written { $0.hundredths(value) } == expected)
    }

    @Test func `escapes what JSON wants escaped and nothing else`() {
        #expect(
            written { $0.string("a\"b\\c\n\r\t\u{1}\u{1f}/é😀\u{7f}") }
                == #""a\"b\\c\n\r\t\u0001\u001f/é😀"# + "\u{7f}\"")
    }
}
