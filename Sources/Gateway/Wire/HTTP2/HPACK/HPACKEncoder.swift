/// Encodes the header blocks of one direction of a connection (RFC 7541).
///
/// Strings are never Huffman-coded: a token's code is a fifth shorter and costs twenty times its copying, and what
/// repeats is indexed anyway. A field is put into the dynamic table when it comes for the second time, so that those that
/// never repeat displace nothing; `HPACKIndexing` names those that are not looked for at all. A field of more than a
/// quarter of the table is never indexed.
///
/// The names of literals are not looked for in the dynamic table: a name of which neither the static table nor the same
/// value is there costs its bytes.
///
/// Measured with callgrind: a request of 14 fields, of which nine repeat and one is a token of 340 bytes, takes 2,150
/// instructions; nghttp2 spends 9,000 on the token's Huffman code alone.
///
/// Memory: nothing until a field could be indexed, then 256 bytes; with the entries at most some 9 KB.
struct HPACKEncoder: ~Copyable {
    /// However much the other side's decoder would take (SETTINGS_HEADER_TABLE_SIZE).
    static let largestTable = 4096
    /// `begin` appends no more than this.
    static let maximumUpdateBytes = 8
    /// A field takes no more than this besides its name and value.
    static let maximumFieldOverhead = 16

    private let tables = HPACKTables.shared
    private var table = HPACKDynamicTable(limit: Self.largestTable)
    private var index = HPACKEncoderIndex()
    /// What the other side was not told yet: the smallest limit since the last block, and the last.
    private var pending: (smallest: Int, last: Int)?
    /// Blocks of a connection are alike: each entry knows which one came after it the last time. By numbers modulo 256,
    /// which may mean another entry by now, so the field is always compared.
    private var first: UInt8 = 0
    private var previous: UInt8?
    private var expected: UInt8 = 0

    init() {}

    /// Bytes in the dynamic table, as RFC 7541 §4.1 counts them.
    var tableSize: Int { table.size }

    /// Takes the other side's SETTINGS_HEADER_TABLE_SIZE; the next block tells it what was made of it (§4.2).
    mutating func setPeerTableSize(_ bytes: Int) {
        let limit = min(bytes, Self.largestTable)
        guard limit != pending?.last ?? table.limit else { return }
        pending = (min(limit, pending?.smallest ?? limit), limit)
    }

    /// Begins a block: appends the table size updates that are due (§6.3).
    @inline(__always)
    mutating func begin(into output: inout OutputSpan<UInt8>) {
        if let pending { update(pending.smallest, pending.last, into: &output) }
        previous = nil
        expected = first
    }

    @inline(never)
    private mutating func update(_ smallest: Int, _ last: Int, into output: inout OutputSpan<UInt8>) {
        if smallest < last { HPACKInteger.write(smallest, prefixBits: 5, flags: 0x20, into: &output) }
        HPACKInteger.write(last, prefixBits: 5, flags: 0x20, into: &output)
        table.setLimit(smallest)
        table.setLimit(last)
        pending = nil
    }

    /// Appends a field of any name, in lower case.
    mutating func encode(
        name: Span<UInt8>, value: Span<UInt8>, neverIndexed: Bool = false, into output: inout OutputSpan<UInt8>
    ) {
        if !neverIndexed, let place = expectedPlace(name, value) { return output.append(entry: place) }
        let known = name.withUnsafeBufferPointer { tables.name($0) }
        if known != .unknown { return encode(known, value, neverIndexed: neverIndexed, into: &output) }
        var representation = neverIndexed ? Representation.neverIndexed : .literal
        if !neverIndexed && isWorthIndexing(name.count + value.count) {
            representation = name.withUnsafeBufferPointer { name in
                value.withUnsafeBufferPointer { value in
                    choose(HPACKEncoderIndex.hash(name, value), known, name, value)
                }
            }
        }
        if case .entry(let place) = representation { return output.append(entry: place) }
        output.append(representation.flags)
        output.append(string: name)
        output.append(string: value)
    }

    /// Appends a field whose name's number is known, which saves looking for it. `name` is not `unknown`.
    mutating func encode(
        _ name: HPACKName, _ value: Span<UInt8>, neverIndexed: Bool = false, into output: inout OutputSpan<UInt8>
    ) {
        let row = tables.rows[Int(name.rawValue)]  // in bounds: no name has another number
        var representation = neverIndexed ? Representation.neverIndexed : .literal
        if !neverIndexed {
            if let whole = HPACKTables.staticIndex(of: name, value) { return output.append(0x80 | whole) }
            switch row.indexing {
            case .neverAnywhere: representation = .neverIndexed
            case .never: break
            case .whenRepeated where name == .cookie && value.count < Self.shortestIndexedCookie:
                representation = .neverIndexed
            case .whenRepeated:
                if let place = expectedPlace(tables.name(of: row).span, value) { return output.append(entry: place) }
                if isWorthIndexing(Int(row.nameCount) + value.count) {
                    representation = value.withUnsafeBufferPointer { value in
                        choose(HPACKEncoderIndex.hash(name, value), name, tables.name(of: row), value)
                    }
                }
            }
        }
        switch representation {
        case .entry(let place): return output.append(entry: place)
        case _ where name.isStatic:
            HPACKInteger.write(
                Int(name.rawValue), prefixBits: representation.prefixBits, flags: representation.flags, into: &output)
        default:
            output.append(representation.flags)
            output.append(string: tables.name(of: row).span)
        }
        output.append(string: value)
    }

    /// Appends `:status`; `status` has three digits.
    mutating func encode(status: UInt16, into output: inout OutputSpan<UInt8>) {
        let digits: [3 of UInt8] = [
            ASCII.zero + UInt8(truncatingIfNeeded: status / 100), ASCII.zero + UInt8(status / 10 % 10),
            ASCII.zero + UInt8(status % 10),
        ]
        encode(.status, digits.span, into: &output)
    }

    // MARK: - The dynamic table

    /// A shorter one could be guessed (RFC 7541 §7.1.3), and costs little.
    private static let shortestIndexedCookie = 20

    /// How a field is written (§6).
    private enum Representation {
        case entry(Int)
        case inserted
        case literal
        case neverIndexed

        var flags: UInt8 {
            switch self {
            case .entry: 0x80
            case .inserted: 0x40
            case .literal: 0
            case .neverIndexed: 0x10
            }
        }

        var prefixBits: UInt8 {
            if case .inserted = self { 6 } else { 4 }
        }
    }

    @inline(__always)
    private func isWorthIndexing(_ byteCount: Int) -> Bool {
        (byteCount + HPACKDynamicTable.overhead) * 4 <= table.limit
    }

    /// The place of the field in the table when it is the one that is expected.
    @inline(__always)
    private mutating func expectedPlace(_ name: Span<UInt8>, _ value: Span<UInt8>) -> Int? {
        guard let place = table.index(of: expected) else { return nil }
        let isSame = name.withUnsafeBufferPointer { name in
            value.withUnsafeBufferPointer { table.holds(name, $0, at: place) }
        }
        guard isSame else { return nil }
        previous = expected
        expected = table.entry(at: place).successor
        return place
    }

    /// Remembers that the entry with this number came now.
    private mutating func learn(_ number: UInt8) {
        if let previous {
            if let place = table.index(of: previous) { table.setSuccessor(number, at: place) }
        } else {
            first = number
        }
        previous = number
    }

    /// Finds the field in the table, or inserts it when it came before.
    private mutating func choose(
        _ hash: UInt32, _ known: HPACKName, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) -> Representation {
        switch index.find(hash, table) {
        case .entry(let place) where table.holds(name, value, at: place):
            learn(table.number(at: place))
            expected = table.entry(at: place).successor
            return .entry(place)
        case .new:
            index.note(hash, table, isInserted: false)
            return .literal
        case .entry, .seen:
            insert(hash, known, name, value)
            return .inserted
        }
    }

    @inline(never)
    private mutating func insert(
        _ hash: UInt32, _ known: HPACKName, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) {
        index.note(hash, table, isInserted: true)
        let entry = HPACKDynamicTable.Entry(
            nameCount: UInt16(name.count), valueCount: UInt16(value.count), hash: hash, name: known)
        table.insert(entry, name: name.baseAddress, value: value.baseAddress)
        learn(table.number(at: 0))
    }
}

extension HPACKDynamicTable {
    /// Whether the entry `index` insertions ago is this field.
    @inline(__always)
    func holds(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        let entry = entry(at: index)
        guard Int(entry.nameCount) == name.count, Int(entry.valueCount) == value.count,
            let held = text(of: entry).baseAddress
        else { return false }
        // In bounds: the lengths are the same.
        if let start = name.baseAddress, !HPACKTables.isSame(held, start, name.count) { return false }
        guard let start = value.baseAddress else { return true }
        return HPACKTables.isSame(held + name.count, start, value.count)
    }
}

extension HPACKTables {
    /// The static table's entry that is this field whole (RFC 7541 appendix A).
    @inline(__always)
    static func staticIndex(of name: HPACKName, _ value: Span<UInt8>) -> UInt8? {
        switch name {
        case .method: ByteScan.equal(value, "GET") ? 2 : ByteScan.equal(value, "POST") ? 3 : nil
        case .path: ByteScan.equal(value, "/") ? 4 : nil
        case .scheme: ByteScan.equal(value, "http") ? 6 : ByteScan.equal(value, "https") ? 7 : nil
        case .status: statusIndex(value)
        case .acceptEncoding: ByteScan.equal(value, "gzip, deflate") ? 16 : nil
        default: nil
        }
    }

    private static func statusIndex(_ value: Span<UInt8>) -> UInt8? {
        guard value.count == 3 else { return nil }
        switch (value[0], value[1], value[2]) {
        case (0x32, 0x30, 0x30): return 8
        case (0x32, 0x30, 0x34): return 9
        case (0x32, 0x30, 0x36): return 10
        case (0x33, 0x30, 0x34): return 11
        case (0x34, 0x30, 0x30): return 12
        case (0x34, 0x30, 0x34): return 13
        case (0x35, 0x30, 0x30): return 14
        default: return nil
        }
    }
}

extension OutputSpan<UInt8> {
    /// An entry of the dynamic table (RFC 7541 §2.3.3, §6.1).
    @inline(__always)
    fileprivate mutating func append(entry place: Int) {
        HPACKInteger.write(Int(HPACKTables.staticCount) + 1 + place, prefixBits: 7, flags: 0x80, into: &self)
    }

    /// A string literal as it is (§5.2).
    @inline(__always)
    fileprivate mutating func append(string bytes: Span<UInt8>) {
        HPACKInteger.write(bytes.count, prefixBits: 7, flags: 0, into: &self)
        append(copying: bytes)
    }
}
