import Testing

@testable import Wire

/// Random header lists against nghttp2, with tables in step over many blocks. The seeds are fixed: every run is the same.
@Suite("HPACK beside nghttp2")
struct HPACKDifferentialTests {
    @Test(arguments: 0..<24)
    func `what nghttp2 encodes is decoded`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let encoder = ReferenceEncoder()
        var decoder = HPACKDecoder()
        for round in 0..<60 {
            if Int.random(in: 0..<15, using: &generator) == 0 {
                encoder.setTableSize(Int.random(in: 0...4096, using: &generator))
            }
            let list = generator.headerList()
            let decoded = try decoder.lines(of: encoder.block(of: list)).get()
            guard Self.carries(decoded, list), decoder.tableSize == encoder.tableSize else {
                Issue.record("seed \(seed), round \(round)")
                return
            }
        }
    }

    @Test(arguments: 0..<24)
    func `what is encoded nghttp2 decodes`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var encoder = HPACKEncoder()
        let decoder = ReferenceDecoder()
        for round in 0..<60 {
            if Int.random(in: 0..<15, using: &generator) == 0 {
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let size = Int.random(in: 0...5000, using: &generator)
                    decoder.setTableSize(size)
                    encoder.setPeerTableSize(size)
                }
            }
            let list = generator.headerList()
            let decoded = decoder.lines(of: encoder.block(of: list))
            guard let decoded, Self.carries(decoded, list), encoder.tableSize == decoder.tableSize else {
                Issue.record("seed \(seed), round \(round)")
                return
            }
        }
    }

    /// A few bytes of valid blocks changed: both decoders take them alike, to the field, or both refuse.
    @Test(arguments: 0..<20)
    func `damaged blocks are judged as nghttp2 judges them`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<25 {
            let encoder = ReferenceEncoder()
            let reference = ReferenceDecoder()
            var decoder = HPACKDecoder()
            for _ in 0..<6 {
                var block = encoder.block(of: generator.headerList())
                if !block.isEmpty && Bool.random(using: &generator) {
                    for _ in 0..<Int.random(in: 1...2, using: &generator) {
                        let index = Int.random(in: 0..<min(block.count, 40), using: &generator)
                        block[index] = UInt8.random(in: .min ... .max, using: &generator)
                    }
                }
                let expected = reference.lines(of: block)
                let decoded = try? decoder.lines(of: block).get()
                guard decoded == expected, decoded == nil || decoder.tableSize == reference.tableSize else {
                    Issue.record("seed \(seed), round \(round)")
                    return
                }
                if expected == nil { break }
            }
        }
    }

    /// Secrets stay secrets; an encoder may make more of them.
    private static func carries(_ decoded: [HPACKLine], _ sent: [HPACKLine]) -> Bool {
        decoded.count == sent.count
            && zip(decoded, sent).allSatisfy { line, original in
                line.name == original.name && line.value == original.value
                    && (line.isNeverIndexed || !original.isNeverIndexed)
            }
    }
}
