import GatewayTestSupport
import Testing

@testable import Wire

@Suite struct ByteWriterTests {
    private func text(_ write: (inout ByteWriter) -> Void) -> String {
        var bytes = Array("before ".utf8)
        bytes.append(reserving: 4096, write)
        return String(decoding: bytes.dropFirst(7), as: UTF8.self)
    }

    @Test(arguments: [0, 9, 10, 99, 100, 999, 1000, 65_536, 9_999_999_999, UInt64.max >> 1, UInt64.max])
    func `writes numbers`(number: UInt64) {
        #expect(text { $0.append(decimal: number) } == String(number))
        let digits = String(number, radix: 16)
        #expect(text { $0.append(hexadecimal: number) } == String(repeating: "0", count: 16 - digits.count) + digits)
    }

    @Test func `writes pieces one behind the other`() {
        let bytes = Array("bytes".utf8)
        let empty: [UInt8] = []
        let written = text { writer in
            writer.append(literal: "literal ")
            writer.append(bytes: bytes.span)
            writer.append(bytes: empty.span)
            writer.append(literal: "")
            writer.append(0x21)
        }
        #expect(written == "literal bytes!")
    }

    @Test func `appends nothing when it throws`() {
        var bytes: [UInt8] = [1]
        #expect(throws: EncodingError.invalidTarget) {
            try bytes.append(reserving: 10) { writer throws(EncodingError) in
                writer.append(2)
                throw .invalidTarget
            }
        }
        #expect(bytes == [1])
    }

    @Test func `stops the program beyond what was reserved`() async {
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = []
            bytes.append(reserving: 4) { writer in
                for _ in 0..<100_000 { writer.append(7) }
            }
        }
    }
}
