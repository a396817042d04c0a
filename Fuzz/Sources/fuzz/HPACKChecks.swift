@testable import Wire

/// Three blocks of a connection: taken or refused as nghttp2 does, to the field and to the table's size; and what was
/// taken comes back from the encoder through both decoders.
func checkHPACK(_ input: [UInt8]) {
    let (bytes, ends) = pieces(of: input)
    let reference = ReferenceDecoder()
    var decoder = HPACKDecoder()
    var start = 0
    var lists: [[HPACKLine]] = []
    for end in ends {
        let block = Array(bytes[start..<end])
        start = end
        let expected = reference.lines(of: block)
        let lines = try? decoder.lines(of: block).get()
        if lines != expected {
            fatalError("\(block) is \(String(describing: lines)), not \(String(describing: expected))")
        }
        guard let lines else { break }
        precondition(decoder.tableSize == reference.tableSize, "the tables are not in step")
        lists.append(lines)
    }
    // Twice and three times: what repeats is put into the table.
    checkEncoder(lists + lists + lists, peerTableSizes: input.prefix(8).map { Int($0) * 20 })
}

private func checkEncoder(_ lists: [[HPACKLine]], peerTableSizes: [Int]) {
    let reference = ReferenceDecoder()
    var encoder = HPACKEncoder()
    var decoder = HPACKDecoder()
    for (round, list) in lists.enumerated() {
        if peerTableSizes.indices.contains(round) {
            reference.setTableSize(peerTableSizes[round])
            encoder.setPeerTableSize(peerTableSizes[round])
        }
        let block = encoder.block(of: list)
        let lines = try? decoder.lines(of: block).get()
        guard let lines, lines == reference.lines(of: block) else {
            fatalError("\(list) is written as \(block), and read differently")
        }
        precondition(lines.count == list.count, "another number of fields")
        for (line, sent) in zip(lines, list) {
            precondition(line.name == sent.name && line.value == sent.value, "another field")
            precondition(line.isNeverIndexed || !sent.isNeverIndexed, "a field that may be indexed")
        }
        precondition(decoder.tableSize == encoder.tableSize, "the tables are not in step")
    }
}
