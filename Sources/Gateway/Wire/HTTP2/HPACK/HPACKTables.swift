internal import Glibc

/// The constants of the codec: the static table, the names that it knows, and the tables of the Huffman code.
///
/// Made once in a process, 4 KB, reached through pointers: a global array would cost a bounds check, a reference and a
/// check for its initialisation with each access.
struct HPACKTables: @unchecked Sendable {  // what the pointers show is never written again, and never freed
    /// Entries of the static table (RFC 7541 appendix A).
    @inline(__always)
    static var staticCount: UInt8 { 61 }

    /// An entry's text is its name and value in one piece.
    struct Row: BitwiseCopyable {
        var start: UInt16
        var nameCount: UInt8
        var valueCount: UInt8
        var name: UInt8
        var indexing: HPACKIndexing
    }

    static let shared = HPACKTables()

    private struct Constants {
        let rows: UnsafePointer<Row>
        let text: UnsafePointer<UInt8>
        let names: UnsafePointer<UInt8>
        let huffman: HuffmanTables
    }

    /// One pointer, as every connection holds two of these.
    private let constants: UnsafePointer<Constants>

    /// By index: 1 to 61 are the static table, those behind it our own names. 0 is empty.
    @inline(__always)
    var rows: UnsafePointer<Row> { constants.pointee.rows }
    @inline(__always)
    var huffman: HuffmanTables { constants.pointee.huffman }
    @inline(__always)
    private var text: UnsafePointer<UInt8> { constants.pointee.text }
    /// By `nameHash`: an `HPACKName`, 0 where there is none.
    @inline(__always)
    private var names: UnsafePointer<UInt8> { constants.pointee.names }

    private init() {
        let count = 1 + Self.entries.count
        let rows = UnsafeMutablePointer<Row>.allocate(capacity: count)
        let text = UnsafeMutablePointer<UInt8>.allocate(
            capacity: Self.entries.reduce(0) { $0 + $1.name.utf8CodeUnitCount + $1.value.utf8CodeUnitCount })
        let names = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        names.initialize(repeating: 0, count: 256)
        rows.initialize(
            repeating: Row(start: 0, nameCount: 0, valueCount: 0, name: 0, indexing: .whenRepeated), count: count)
        var end = 0
        for (offset, entry) in Self.entries.enumerated() {
            let (nameCount, valueCount) = (entry.name.utf8CodeUnitCount, entry.value.utf8CodeUnitCount)
            // In bounds: the sum of these lengths was allocated.
            (text + end).initialize(from: entry.name.utf8Start, count: nameCount)
            (text + end + nameCount).initialize(from: entry.value.utf8Start, count: valueCount)
            let hash = Self.nameHash(UnsafeBufferPointer(start: text + end, count: nameCount))
            let isAgain = names[hash] != 0
            if !isAgain { names[hash] = UInt8(offset + 1) }
            let name = HPACKName(rawValue: names[hash])
            rows[offset + 1] = Row(
                start: UInt16(end), nameCount: UInt8(nameCount), valueCount: UInt8(valueCount), name: name.rawValue,
                indexing: HPACKIndexing(of: name))
            end += nameCount + valueCount
        }
        let constants = UnsafeMutablePointer<Constants>.allocate(capacity: 1)
        constants.initialize(
            to: Constants(
                rows: UnsafePointer(rows), text: UnsafePointer(text), names: UnsafePointer(names),
                huffman: HuffmanTables()))
        self.constants = UnsafePointer(constants)
    }

    /// Name and value of an entry, one behind the other.
    @inline(__always)
    func text(of row: Row) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text + Int(row.start), count: Int(row.nameCount) + Int(row.valueCount))
    }

    @inline(__always)
    func name(of row: Row) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text + Int(row.start), count: Int(row.nameCount))
    }

    /// The number of a name in lower case; `unknown` for one that the codec does not know.
    func name(_ bytes: UnsafeBufferPointer<UInt8>) -> HPACKName {
        guard let start = bytes.baseAddress, bytes.count <= 32, !bytes.isEmpty else { return .unknown }
        let found = names[Self.nameHash(bytes)]
        let row = rows[Int(found)]
        // In bounds: the lengths are the same. No entry is empty, so 0 is never equal.
        guard Int(row.nameCount) == bytes.count, Self.isSame(text + Int(row.start), start, bytes.count)
        else { return .unknown }
        return HPACKName(rawValue: found)
    }

    /// Whether two runs of `count` bytes are the same: by words, as most are shorter than a call is long.
    @inline(__always)
    static func isSame(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let (one, other) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
        // In bounds: every load ends at `count` at the latest.
        if count > 32 { return memcmp(one, other, count) == 0 }
        if count >= 8 {
            var offset = 0
            while offset < count - 8 {
                if one.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    != other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                {
                    return false
                }
                offset += 8
            }
            return one.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
                == other.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        }
        if count >= 4 {
            return one.loadUnaligned(as: UInt32.self) == other.loadUnaligned(as: UInt32.self)
                && one.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
                    == other.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
        }
        for index in 0..<count where left[index] != right[index] { return false }
        return true
    }

    /// Different for all names of the table: found by trying multipliers; `HPACKTablesTests` proves it.
    @inline(__always)
    private static func nameHash(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        // In bounds: a name has at least one byte.
        let ends = UInt32(name[0]) << 8 | UInt32(name[name.count - 1]) << 16
        let key = UInt32(truncatingIfNeeded: name.count) | ends | UInt32(name[name.count >> 1]) << 24
        return Int((key &* 0x47FC_816B) >> 24)
    }

    private static let entries: [(name: StaticString, value: StaticString)] = [
        (":authority", ""),
        (":method", "GET"),
        (":method", "POST"),
        (":path", "/"),
        (":path", "/index.html"),
        (":scheme", "http"),
        (":scheme", "https"),
        (":status", "200"),
        (":status", "204"),
        (":status", "206"),
        (":status", "304"),
        (":status", "400"),
        (":status", "404"),
        (":status", "500"),
        ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"),
        ("accept-language", ""),
        ("accept-ranges", ""),
        ("accept", ""),
        ("access-control-allow-origin", ""),
        ("age", ""),
        ("allow", ""),
        ("authorization", ""),
        ("cache-control", ""),
        ("content-disposition", ""),
        ("content-encoding", ""),
        ("content-language", ""),
        ("content-length", ""),
        ("content-location", ""),
        ("content-range", ""),
        ("content-type", ""),
        ("cookie", ""),
        ("date", ""),
        ("etag", ""),
        ("expect", ""),
        ("expires", ""),
        ("from", ""),
        ("host", ""),
        ("if-match", ""),
        ("if-modified-since", ""),
        ("if-none-match", ""),
        ("if-range", ""),
        ("if-unmodified-since", ""),
        ("last-modified", ""),
        ("link", ""),
        ("location", ""),
        ("max-forwards", ""),
        ("proxy-authenticate", ""),
        ("proxy-authorization", ""),
        ("range", ""),
        ("referer", ""),
        ("refresh", ""),
        ("retry-after", ""),
        ("server", ""),
        ("set-cookie", ""),
        ("strict-transport-security", ""),
        ("transfer-encoding", ""),
        ("user-agent", ""),
        ("vary", ""),
        ("via", ""),
        ("www-authenticate", ""),
        (":protocol", ""),
        ("connection", ""),
        ("keep-alive", ""),
        ("proxy-connection", ""),
        ("upgrade", ""),
        ("te", ""),
        ("trailer", ""),
        ("priority", ""),
        ("x-request-id", ""),
        ("traceparent", ""),
        ("tracestate", ""),
        ("forwarded", ""),
        ("x-forwarded-for", ""),
        ("x-forwarded-proto", ""),
        ("x-forwarded-host", ""),
        ("x-real-ip", ""),
        ("x-api-key", ""),
        ("idempotency-key", ""),
    ]
}
