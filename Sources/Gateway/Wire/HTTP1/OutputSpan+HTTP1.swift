/// The parts of a message, written into memory that the encoder has measured. Writing beyond it traps.
extension OutputSpan<UInt8> {
    mutating func append(copying bytes: Span<UInt8>) {
        precondition(bytes.count <= freeCapacity, "the encoder measured too little")
        withUnsafeMutableBufferPointer { buffer, initializedCount in
            bytes.withUnsafeBytes { source in
                // In bounds: count <= freeCapacity == buffer.count - initializedCount.
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount...])
                    .copyMemory(from: source)
            }
            initializedCount += bytes.count
        }
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(copying: $0.span) }
    }

    mutating func append(decimal value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(ASCII.zero + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    mutating func append(hex value: UInt64) {
        var shift = max(0, 60 - value.leadingZeroBitCount / 4 * 4)
        while shift >= 0 {
            append(ASCII.upperHexDigit(UInt8(truncatingIfNeeded: value >> UInt64(shift) & 0x0F)))
            shift -= 4
        }
    }

    mutating func append(statusLine status: UInt16) {
        append("HTTP/1.1 ")
        append(decimal: UInt64(status))
        append(ASCII.space)
        append(ReasonPhrase.of(status))
        append("\r\n")
    }

    mutating func append(framing: BodyFraming) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: append("transfer-encoding: chunked\r\n")
        case .length(let length):
            append("content-length: ")
            append(decimal: length)
            append("\r\n")
        }
    }

    /// Writes the fields but those that the encoder owns.
    mutating func append(fields: borrowing HeaderBlock, keepsContentLength: Bool) throws(EncodingError) {
        try fields.forEach { name, value, _ throws(EncodingError) in
            switch name.count {
            case 4 where ByteScan.equal(name, "host"): return
            case 10 where ByteScan.equal(name, "connection"): return
            case 14 where !keepsContentLength && ByteScan.equal(name, "content-length"): return
            case 17 where ByteScan.equal(name, "transfer-encoding"): return
            default: break
            }
            guard ByteScan.isToken(name) else { throw .invalidFieldName }
            guard FieldRules.hasNoControl(value) else { throw .invalidFieldValue }
            append(copying: name)
            append(": ")
            append(copying: value)
            append("\r\n")
        }
    }
}
