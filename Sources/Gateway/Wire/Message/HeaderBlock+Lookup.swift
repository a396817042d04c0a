extension HeaderBlock {
    /// The name in this slot, in lower case. The span lives as long as the call.
    @inlinable
    public func withName<R, E: Error>(at index: Int, _ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(arena.buffer.span.extracting(fields[index].nameRange))
    }

    /// The value in this slot. The span lives as long as the call.
    @inlinable
    public func withValue<R, E: Error>(at index: Int, _ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(arena.buffer.span.extracting(fields[index].valueRange))
    }

    /// The value of the first field of this name; nil when there is none.
    @inlinable
    public func withValue<R, E: Error>(
        of name: StaticString, _ body: (Span<UInt8>) throws(E) -> R
    ) throws(E) -> R? {
        guard let index = firstIndex(of: name) else { return nil }
        return try withValue(at: index, body)
    }

    /// The slot of the first field of this name.
    /// - Parameter name: in lower case.
    @inlinable @inline(__always)
    public func firstIndex(of name: StaticString) -> Int? {
        for index in fields.indices where nameEquals(at: index, name) && !fields[index].isRemoved { return index }
        return nil
    }

    @inlinable
    public func contains(_ name: StaticString) -> Bool { firstIndex(of: name) != nil }

    /// How many fields have this name.
    public func count(of name: StaticString) -> Int {
        fields.indices.count { !fields[$0].isRemoved && nameEquals(at: $0, name) }
    }

    /// How many fields have this name, which is in lower case.
    public func count(of name: [UInt8]) -> Int {
        fields.indices.count { index in
            !fields[index].isRemoved && fields[index].nameCount == UInt32(name.count)
                && withName(at: index) { span in name.indices.allSatisfy { span[$0] == name[$0] } }
        }
    }

    /// Whether the field in this slot has this name, which is in lower case.
    @inlinable @inline(__always)
    public func nameEquals(at index: Int, _ name: StaticString) -> Bool {
        // The length decides nearly always: no span is made for the others.
        fields[index].nameCount == UInt32(truncatingIfNeeded: name.utf8CodeUnitCount)
            && ByteScan.equal(arena.buffer.span.extracting(fields[index].nameRange), name)
    }

    public func valueEquals(at index: Int, _ value: StaticString) -> Bool {
        ByteScan.equal(arena.buffer.span.extracting(fields[index].valueRange), value)
    }

    /// Compares without regard to the case of ASCII letters.
    public func valueEqualsIgnoringCase(at index: Int, _ value: StaticString) -> Bool {
        ByteScan.equalIgnoringCase(arena.buffer.span.extracting(fields[index].valueRange), value)
    }

    /// Visits every field in order, removed ones excepted.
    @inlinable
    public func forEach<E: Error>(
        _ body: (_ name: Span<UInt8>, _ value: Span<UInt8>, Flags) throws(E) -> Void
    ) throws(E) {
        let memory = arena.buffer
        let bytes = memory.span
        for index in fields.indices {
            let field = fields[index]
            if field.isRemoved { continue }
            try body(bytes.extracting(field.nameRange), bytes.extracting(field.valueRange), field.flags)
        }
    }

    /// The value of the first field of this name as text, invalid UTF-8 replaced. For logs and tests.
    public func string(of name: StaticString) -> String? {
        firstIndex(of: name).map { withValue(at: $0) { String(copying: $0) } }
    }

    /// The arena that the offsets in `fields` point into. The pointer lives as long as the call.
    @inlinable
    public func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(arena.buffer))
    }

    /// The bytes in this range of the arena.
    @inlinable
    func withBytes<R, E: Error>(_ range: ByteRange, _ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(arena.buffer.span.extracting(range.offsets))
    }

    /// Whether two ranges of the arena hold the same text, the case of ASCII letters aside.
    func equalIgnoringCase(_ left: ByteRange, _ right: ByteRange) -> Bool {
        let memory = arena.buffer
        let bytes = memory.span
        return ByteScan.equalIgnoringCase(bytes.extracting(left.offsets), bytes.extracting(right.offsets))
    }
}
