import CNghttp2

@testable import Wire

// Of the tests and of Fuzz/, by a symbolic link.

/// A field as plain values, to compare and print.
struct HPACKLine: Equatable, CustomStringConvertible {
    var name: [UInt8]
    var value: [UInt8]
    var isNeverIndexed = false

    init(_ name: [UInt8], _ value: [UInt8], isNeverIndexed: Bool = false) {
        self.name = name
        self.value = value
        self.isNeverIndexed = isNeverIndexed
    }

    init(_ name: String, _ value: String, isNeverIndexed: Bool = false) {
        self.init(Array(name.utf8), Array(value.utf8), isNeverIndexed: isNeverIndexed)
    }

    var description: String { String(decoding: name + [0x3A, 0x20] + value, as: UTF8.self).debugDescription }
}

extension HPACKDecoder {
    /// - Returns: the fields, or why there are none.
    mutating func lines(of block: [UInt8]) -> Result<[HPACKLine], HPACKError> {
        var scratch = HPACKScratch()
        var lines: [HPACKLine] = []
        do throws(HPACKError) {
            try decode(block.span, scratch: &scratch) { bytes, field in
                let text = bytes.withUnsafeBufferPointer { Array($0) }
                lines.append(
                    HPACKLine(
                        Array(text[..<field.nameCount]), Array(text[field.nameCount...]),
                        isNeverIndexed: field.isNeverIndexed))
                return true
            }
            return .success(lines)
        } catch {
            return .failure(error)
        }
    }
}

extension HPACKEncoder {
    /// One block.
    mutating func block(of lines: [HPACKLine]) -> [UInt8] {
        let bound = lines.reduce(Self.maximumUpdateBytes) {
            $0 + $1.name.count + $1.value.count + Self.maximumFieldOverhead
        }
        return [UInt8](capacity: bound) { output in
            begin(into: &output)
            for line in lines {
                encode(
                    name: line.name.span, value: line.value.span, neverIndexed: line.isNeverIndexed, into: &output)
            }
        }
    }
}

/// nghttp2's decoder, to compare with.
final class ReferenceDecoder {
    private var inflater: OpaquePointer?

    init() { precondition(nghttp2_hd_inflate_new(&inflater) == 0) }

    deinit { nghttp2_hd_inflate_del(inflater) }

    var tableSize: Int { nghttp2_hd_inflate_get_dynamic_table_size(inflater) }

    func setTableSize(_ bytes: Int) { precondition(nghttp2_hd_inflate_change_table_size(inflater, bytes) == 0) }

    /// - Returns: the fields; nil when the block is refused.
    func lines(of block: [UInt8]) -> [HPACKLine]? {
        var lines: [HPACKLine] = []
        let isDecoded = block.withUnsafeBufferPointer { bytes in
            var offset = 0
            while true {
                var field = nghttp2_nv()
                var flags: Int32 = 0
                let result = nghttp2_hd_inflate_hd2(
                    inflater, &field, &flags, bytes.baseAddress.map { $0 + offset }, bytes.count - offset, 1)
                guard result >= 0 else { return false }
                offset += result
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                    lines.append(
                        HPACKLine(
                            Array(UnsafeBufferPointer(start: field.name, count: field.namelen)),
                            Array(UnsafeBufferPointer(start: field.value, count: field.valuelen)),
                            isNeverIndexed: field.flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0))
                } else if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                    nghttp2_hd_inflate_end_headers(inflater)
                    return true
                } else if offset == bytes.count {
                    return false
                }
            }
        }
        return isDecoded ? lines : nil
    }
}

/// nghttp2's encoder, to compare with.
final class ReferenceEncoder {
    private var deflater: OpaquePointer?

    init() { precondition(nghttp2_hd_deflate_new(&deflater, 4096) == 0) }

    deinit { nghttp2_hd_deflate_del(deflater) }

    var tableSize: Int { nghttp2_hd_deflate_get_dynamic_table_size(deflater) }

    func setTableSize(_ bytes: Int) { precondition(nghttp2_hd_deflate_change_table_size(deflater, bytes) == 0) }

    func block(of lines: [HPACKLine]) -> [UInt8] {
        // One array that does not move while nghttp2 looks at it.
        var text: [UInt8] = [0]
        for line in lines { text += line.name + line.value }
        return text.withUnsafeMutableBufferPointer { text in
            var offset = 1
            var fields = lines.map { line in
                let name = text.baseAddress.map { $0 + offset }
                offset += line.name.count + line.value.count
                return nghttp2_nv(
                    name: name, value: name.map { $0 + line.name.count }, namelen: line.name.count,
                    valuelen: line.value.count,
                    flags: line.isNeverIndexed ? UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : 0)
            }
            var block = [UInt8](repeating: 0, count: nghttp2_hd_deflate_bound(deflater, fields, fields.count))
            let count = nghttp2_hd_deflate_hd(deflater, &block, block.count, &fields, fields.count)
            precondition(count >= 0)
            return Array(block[..<count])
        }
    }
}
