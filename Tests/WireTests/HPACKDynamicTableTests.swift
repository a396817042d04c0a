import Testing

@testable import Wire

@Suite("HPACK dynamic table")
struct HPACKDynamicTableTests {
    /// What RFC 7541 §4 says, as simply as it can be said.
    private struct Model {
        var lines: [HPACKLine] = []
        var limit: Int
        var size: Int { lines.reduce(0) { $0 + $1.name.count + $1.value.count + 32 } }

        mutating func insert(_ line: HPACKLine) {
            lines.insert(line, at: 0)
            evict()
        }

        mutating func evict() { while size > limit { lines.removeLast() } }
    }

    @Test(arguments: [64, 100, 256, 1000, 4096])
    func `it holds what the model holds`(_ limit: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        var table = HPACKDynamicTable(limit: limit)
        var model = Model(limit: limit)
        for _ in 0..<1500 {
            if Int.random(in: 0..<50, using: &generator) == 0 {
                model.limit = Int.random(in: 0...limit, using: &generator)
                model.evict()
                table.setLimit(model.limit)
            }
            let largest = Int.random(in: 0..<10, using: &generator) == 0 ? limit : min(limit, 60)
            let line = HPACKLine(
                generator.bytes(from: Array(0...255), 0...20), generator.bytes(from: Array(0...255), 0...largest))
            model.insert(line)
            if line.name.count + line.value.count + 32 <= table.limit {
                Self.insert(line, into: &table)
            } else {
                table.removeAll()
            }
            guard table.count == model.lines.count, table.size == model.size, Self.lines(of: table) == model.lines
            else {
                Issue.record("seed \(seed)")
                return
            }
        }
    }

    private static func insert(_ line: HPACKLine, into table: inout HPACKDynamicTable) {
        line.name.withUnsafeBufferPointer { name in
            line.value.withUnsafeBufferPointer { value in
                let entry = HPACKDynamicTable.Entry(
                    nameCount: UInt16(name.count), valueCount: UInt16(value.count), name: .unknown)
                table.insert(entry, name: name.baseAddress, value: value.baseAddress)
            }
        }
    }

    private static func lines(of table: borrowing HPACKDynamicTable) -> [HPACKLine] {
        (0..<table.count).map { index in
            let entry = table.entry(at: index)
            let text = Array(table.text(of: entry))
            return HPACKLine(Array(text[..<Int(entry.nameCount)]), Array(text[Int(entry.nameCount)...]))
        }
    }
}
