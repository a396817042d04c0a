/// What a decoder tells of a field besides its bytes.
struct HPACKField: BitwiseCopyable, Sendable {
    /// The name's length; the value is behind it.
    let nameCount: Int
    /// The name's number, wherever the field came from.
    let name: HPACKName
    /// Whether name and value are such as RFC 9113 §8.2.1 and RFC 9110 §5.5 allow: the name a token in lower case, perhaps
    /// behind a colon; the value without control bytes but HTAB, and without blanks at its ends. It was looked at when the
    /// field came as a literal: what comes out of a table is not scanned again.
    let isWellFormed: Bool
    let isNameWellFormed: Bool
    /// No intermediary may put it in a table (RFC 7541 §7.1.3).
    let isNeverIndexed: Bool
}

/// Decodes the header blocks of one direction of a connection (RFC 7541).
///
/// Memory: nothing until the other side inserts an entry; then one and a half times what its entries take, with 8 KB at
/// most for a table of 4,096 bytes, and once a Huffman-coded `authorization` came, that and its code (at most 4 KB).
///
/// Work: proportional to the block's length and to what is emitted. One byte may stand for an entry of the table's whole
/// size (an "HPACK bomb"): who counts the bytes and says `false` ends that, from then on a byte costs a few instructions.
///
/// Measured with callgrind: a request of four indexed fields, a path of 18 bytes and the bearer token of 340 bytes that the
/// last request had takes 1,250 instructions; with another token, 5,800, of which 3,600 are for its Huffman code.
struct HPACKDecoder: ~Copyable {
    /// What was announced by SETTINGS_HEADER_TABLE_SIZE.
    private let maximumTableSize: Int
    private var table: HPACKDynamicTable
    private var token = HPACKLastToken()
    private let tables = HPACKTables.shared

    /// - Parameter tableSize: what SETTINGS_HEADER_TABLE_SIZE announces, at most 65,535; 4,096 when it is not sent.
    init(tableSize: Int = 4096) {
        maximumTableSize = tableSize
        table = HPACKDynamicTable(limit: tableSize)
    }

    /// Bytes in the dynamic table, as RFC 7541 §4.1 counts them.
    var tableSize: Int { table.size }

    /// Decodes one complete header block.
    ///
    /// - Parameter field: called for each field, in order, with its name and value one behind the other, valid during the
    ///   call. Once it returned false nothing more is emitted, but the table stays in step.
    /// - Throws: the connection cannot go on; the decoder must not be used again.
    mutating func decode(
        _ block: Span<UInt8>, scratch: inout HPACKScratch, _ field: (Span<UInt8>, HPACKField) -> Bool
    ) throws(HPACKError) {
        var offset = 0
        var emits = true
        try updateTableSize(block, &offset)
        while offset < block.count {
            let first = block[offset]
            if first >= 0x80 {
                let index = try HPACKInteger.read(block, &offset, prefixBits: 7)
                if emits { emits = try emit(index, field) } else { try check(index) }
            } else if first >= 0x40 {
                let new = try readLiteral(block, &offset, prefixBits: 6, &scratch)
                let text = scratch.buffer
                if emits { emits = field(text.span, new) }
                insert(new, text)
            } else if first < 0x20 {
                let new = try readLiteral(
                    block, &offset, prefixBits: 4, &scratch, isNeverIndexed: first >= 0x10)
                if emits { emits = field(scratch.buffer.span, new) }
            } else {
                throw .lateTableSizeUpdate
            }
        }
        scratch.trim()
    }

    /// §6.3: at the beginning of a block only.
    private mutating func updateTableSize(_ block: Span<UInt8>, _ offset: inout Int) throws(HPACKError) {
        while offset < block.count, block[offset] & 0xE0 == 0x20 {
            let size = try HPACKInteger.read(block, &offset, prefixBits: 5)
            guard size <= maximumTableSize else { throw .tableSizeTooLarge }
            table.setLimit(size)
        }
    }

    // MARK: - Indexed fields (§6.1)

    private func check(_ index: Int) throws(HPACKError) {
        guard index > 0, index <= Int(HPACKTables.staticCount) + table.count else { throw .invalidIndex }
    }

    @inline(__always)
    private func emit(
        _ index: Int, _ field: (Span<UInt8>, HPACKField) -> Bool
    ) throws(HPACKError) -> Bool {
        try check(index)
        guard index > Int(HPACKTables.staticCount) else {
            let row = tables.rows[index]  // in bounds: checked
            return field(
                tables.text(of: row).span,
                HPACKField(
                    nameCount: Int(row.nameCount), name: HPACKName(rawValue: row.name), isWellFormed: true,
                    isNameWellFormed: true, isNeverIndexed: false))
        }
        let entry = table.entry(at: index - Int(HPACKTables.staticCount) - 1)
        return field(
            table.text(of: entry).span,
            HPACKField(
                nameCount: Int(entry.nameCount), name: entry.name, isWellFormed: entry.isWellFormed,
                isNameWellFormed: entry.isNameWellFormed, isNeverIndexed: false))
    }

    // MARK: - Literals (§6.2)

    /// Puts a literal field together in `scratch`.
    private mutating func readLiteral(
        _ block: Span<UInt8>, _ offset: inout Int, prefixBits: UInt8, _ scratch: inout HPACKScratch,
        isNeverIndexed: Bool = false
    ) throws(HPACKError) -> HPACKField {
        scratch.removeAll()
        let index = try HPACKInteger.read(block, &offset, prefixBits: prefixBits)
        let name: HPACKName
        let isNameWellFormed: Bool
        if index == 0 {
            try readString(block, &offset, &scratch)
            name = tables.name(scratch.buffer)
            isNameWellFormed = name != .unknown || FieldRules.isHTTP2Name(scratch.buffer.span)
        } else {
            (name, isNameWellFormed) = try copyName(index, &scratch)
        }
        let nameCount = scratch.count
        let isValueWellFormed: Bool
        if name == .authorization && prefixBits == 4 {
            isValueWellFormed = try readToken(block, &offset, &scratch)
        } else {
            try readString(block, &offset, &scratch)
            isValueWellFormed = FieldRules.isFieldValue(scratch.buffer.span.extracting(nameCount...))
        }
        return HPACKField(
            nameCount: nameCount, name: name, isWellFormed: isNameWellFormed && isValueWellFormed,
            isNameWellFormed: isNameWellFormed, isNeverIndexed: isNeverIndexed)
    }

    private func copyName(
        _ index: Int, _ scratch: inout HPACKScratch
    ) throws(HPACKError) -> (HPACKName, Bool) {
        try check(index)
        guard index > Int(HPACKTables.staticCount) else {
            let row = tables.rows[index]  // in bounds: checked
            scratch.append(tables.name(of: row))
            return (HPACKName(rawValue: row.name), true)
        }
        let entry = table.entry(at: index - Int(HPACKTables.staticCount) - 1)
        scratch.append(UnsafeBufferPointer(rebasing: table.text(of: entry)[..<Int(entry.nameCount)]))
        return (entry.name, entry.isNameWellFormed)
    }

    /// §5.2.
    @inline(__always)
    private func readString(
        _ block: Span<UInt8>, _ offset: inout Int, _ scratch: inout HPACKScratch
    ) throws(HPACKError) {
        guard offset < block.count else { throw .truncated }
        let isHuffman = block[offset] >= 0x80
        let count = try HPACKInteger.read(block, &offset, prefixBits: 7)
        guard count <= block.count - offset else { throw .truncated }
        let isDecoded = block.extracting(offset..<offset + count).withUnsafeBufferPointer { text in
            if isHuffman { return scratch.append(decoding: text, tables.huffman) }
            scratch.append(text)
            return true
        }
        guard isDecoded else { throw .invalidHuffmanCode }
        offset += count
    }

    /// The value of `authorization`: clients send the same one with each request, and never by the table.
    /// - Returns: whether it is well-formed.
    private mutating func readToken(
        _ block: Span<UInt8>, _ offset: inout Int, _ scratch: inout HPACKScratch
    ) throws(HPACKError) -> Bool {
        let start = offset
        if let count = block.extracting(start...).withUnsafeBufferPointer({ token.append(ifNext: $0, to: &scratch) }) {
            offset += count
            return true
        }
        let nameCount = scratch.count
        try readString(block, &offset, &scratch)
        let value = scratch.buffer.span.extracting(nameCount...)
        guard FieldRules.isFieldValue(value) else { return false }
        let code = block.extracting(start..<offset)
        code.withUnsafeBufferPointer { code in
            value.withUnsafeBufferPointer { token.remember(code: code, value: $0) }
        }
        return true
    }

    private mutating func insert(_ field: HPACKField, _ text: UnsafeBufferPointer<UInt8>) {
        guard text.count + HPACKDynamicTable.overhead <= table.limit else { return table.removeAll() }
        let entry = HPACKDynamicTable.Entry(
            nameCount: UInt16(field.nameCount), valueCount: UInt16(text.count - field.nameCount),
            name: field.name, isNameWellFormed: field.isNameWellFormed, isWellFormed: field.isWellFormed)
        table.insert(entry, name: text.baseAddress, value: text.baseAddress.map { $0 + field.nameCount })
    }
}
