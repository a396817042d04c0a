/// The field lines of one message head (or trailer section), in order, in one arena.
///
/// Two growing runs, one of bytes and one of offsets, whose memory survives `removeAll`: a block that is reused for message
/// after message stops allocating. It cannot be copied: it has one owner, or changes places with another by `swap`. Names
/// are stored in lower case, as HTTP/2 sends them (RFC 9113 §8.2.1) and as HTTP/1.1 allows (RFC 9110 §5.1); values are
/// stored byte for byte. Nothing is validated on the way in: the parsers validate what they read, `HTTP1Encoder` what it
/// writes.
///
/// What takes a closure is `@inlinable`, so that other modules get it specialised: it runs per field and per request.
///
/// Removing a field marks its slot; offsets of the others stay valid. Indices count slots:
/// `for index in block.indices where !block.isRemoved(at: index)`, or `forEach`.
///
/// - Precondition: names and values together stay below 4 GiB (offsets have 32 bits); the parsers' limits are far lower.
public struct HeaderBlock: ~Copyable, Sendable {
    /// One field line as offsets in the arena.
    public struct Field: Sendable, BitwiseCopyable {
        public let nameStart: UInt32
        public let nameCount: UInt32
        public let valueCount: UInt32
        public internal(set) var flags: Flags

        @inlinable
        public var nameRange: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
        @inlinable
        public var valueRange: Range<Int> {
            let start = Int(nameStart) + Int(nameCount) + 2
            return start..<start + Int(valueCount)
        }
        /// Name, colon, space, value, CRLF.
        var lineRange: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) + Int(valueCount) + 4 }
        @inlinable
        public var isRemoved: Bool { flags.contains(.removed) }

        /// What this field adds to SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2).
        var listSize: Int { Int(nameCount) + Int(valueCount) + 32 }
    }

    public struct Flags: OptionSet, Sendable, BitwiseCopyable {
        public let rawValue: UInt8

        @inlinable
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// HPACK sends the field as a literal that no intermediary may index (RFC 7541 §6.2.3): for secrets.
        @inlinable
        public static var neverIndexed: Flags { Flags(rawValue: 1) }

        @usableFromInline
        static var removed: Flags { Flags(rawValue: 1 << 7) }
        /// A parser has found the name to be a token and the value to have no control byte but HTAB.
        static var checked: Flags { Flags(rawValue: 1 << 6) }
        /// What a caller cannot say.
        static var ours: Flags { [.removed, .checked] }
    }

    /// Names, values, and the control data of the head that owns the block.
    @usableFromInline
    private(set) var arena: Arena<UInt8>
    /// Every slot, removed ones included.
    @usableFromInline
    private(set) var fields: Arena<Field>
    /// How many fields there are, not counting removed ones.
    public private(set) var count = 0
    /// Names + values + 32 per field, as SETTINGS_MAX_HEADER_LIST_SIZE counts them (RFC 9113 §6.5.2).
    public private(set) var byteCount = 0
    /// Where the method, target and so on of the owning head lie. Here, so that clearing the arena clears them too.
    @usableFromInline
    var control = ControlData()

    public init() {
        arena = Arena()
        fields = Arena()
    }

    /// A block that takes `arenaCapacity` bytes and `fieldCapacity` fields before it grows.
    public init(arenaCapacity: Int, fieldCapacity: Int) {
        arena = Arena(firstCapacity: arenaCapacity)
        fields = Arena(firstCapacity: fieldCapacity)
    }

    public var isEmpty: Bool { count == 0 }

    /// Every slot's index, removed ones included.
    public var indices: Range<Int> { fields.indices }

    @inlinable
    public func isRemoved(at index: Int) -> Bool { fields[index].isRemoved }

    /// The slot as offsets in the arena.
    @inlinable
    public func field(at index: Int) -> Field { fields[index] }

    // MARK: - Adding

    public mutating func append(name: Span<UInt8>, value: Span<UInt8>, flags: Flags = []) {
        let field = write(name: name, valueCount: value.count) { value.copy(to: $0) }
        arena.lowercase(field.nameRange)
        add(field, flags.subtracting(.ours))
    }

    /// Appends a field that a parser of this module has checked: the name is a token in lower case, and the value has no
    /// control byte but HTAB.
    mutating func append(checkedName name: Span<UInt8>, value: Span<UInt8>, flags: Flags = []) {
        let field = write(name: name, valueCount: value.count) { value.copy(to: $0) }
        add(field, flags.subtracting(.removed).union(.checked))
    }

    /// Appends a field.
    /// - Parameter name: in lower case; `nameEquals` and the encoders take it as it is.
    public mutating func append(_ name: StaticString, _ value: Span<UInt8>, flags: Flags = []) {
        let field = name.withUTF8Buffer { write(name: $0.span, valueCount: value.count) { value.copy(to: $0) } }
        add(field, flags.subtracting(.ours))
    }

    public mutating func append(_ name: StaticString, _ value: StaticString, flags: Flags = []) {
        value.withUTF8Buffer { append(name, $0.span, flags: flags) }
    }

    public mutating func append(_ name: StaticString, _ value: [UInt8], flags: Flags = []) {
        append(name, value.span, flags: flags)
    }

    /// Appends a field whose value is `value` in decimal.
    public mutating func append(_ name: StaticString, _ value: UInt64, flags: Flags = []) {
        let digits = ByteWriter.digitCount(value)
        let field = name.withUTF8Buffer {
            write(name: $0.span, valueCount: digits) { ByteWriter.write(value, digits: digits, to: $0) }
        }
        add(field, flags.subtracting(.ours))
    }

    /// Appends a field whose value is the UTF-8 of `text`. For cold paths: strings cost an allocation.
    public mutating func append(_ name: StaticString, text: String, flags: Flags = []) {
        append(name, Array(text.utf8), flags: flags)
    }

    /// Appends a field of our own.
    ///
    /// - Precondition: the name is a token in lower case, and the value has no control byte: made here, or checked where it
    ///   came from. The encoder does not look again.
    public mutating func append(own name: StaticString, _ value: Span<UInt8>, flags: Flags = []) {
        let field = name.withUTF8Buffer { write(name: $0.span, valueCount: value.count) { value.copy(to: $0) } }
        assert(isValid(field), "a field of our own is one that can be sent")
        add(field, flags.subtracting(.removed).union(.checked))
    }

    public mutating func append(own name: StaticString, _ value: [UInt8], flags: Flags = []) {
        append(own: name, value.span, flags: flags)
    }

    /// As above, for a name that is known at run time only.
    public mutating func append(ownName name: [UInt8], _ value: [UInt8], flags: Flags = []) {
        let field = write(name: name.span, valueCount: value.count) { value.span.copy(to: $0) }
        assert(isValid(field), "a field of our own is one that can be sent")
        add(field, flags.subtracting(.removed).union(.checked))
    }

    /// Appends a field of our own whose value has `count` bytes: `fill` writes all of them.
    public mutating func append(
        own name: StaticString, count: Int, flags: Flags = [], _ fill: (inout ByteWriter) -> Void
    ) {
        let field = name.withUTF8Buffer {
            write(name: $0.span, valueCount: count) { memory in
                var writer = ByteWriter(UnsafeMutableRawBufferPointer(start: memory, count: count))
                fill(&writer)
                precondition(writer.isFull, "a value has as many bytes as were asked for")
            }
        }
        assert(isValid(field), "a field of our own is one that can be sent")
        add(field, flags.subtracting(.removed).union(.checked))
    }

    /// Checks all fields as the encoder would: for blocks that are appended again and again. Those that cannot be sent stay,
    /// and are refused by the encoder.
    public mutating func check() {
        for index in fields.indices {
            var field = fields[index]
            guard isValid(field) else { continue }
            field.flags.insert(.checked)
            fields.replace(at: index, with: field)
        }
    }

    private func isValid(_ field: Field) -> Bool {
        let bytes = arena.buffer
        return ByteScan.isToken(bytes.span.extracting(field.nameRange))
            && FieldRules.hasNoControl(bytes.span.extracting(field.valueRange))
    }

    /// Appends all fields of another block.
    public mutating func append(contentsOf other: borrowing HeaderBlock) {
        let start = UInt32(arena.count)
        arena.append(copying: other.arena.buffer)
        for index in other.fields.indices {
            let field = other.fields[index]
            if field.isRemoved { continue }
            add(
                Field(
                    nameStart: start + field.nameStart, nameCount: field.nameCount, valueCount: field.valueCount,
                    flags: field.flags), field.flags)
        }
    }

    /// Replaces every field of this name by one.
    public mutating func set(_ name: StaticString, _ value: Span<UInt8>) {
        remove(name)
        append(name, value)
    }

    public mutating func set(_ name: StaticString, _ value: StaticString) {
        remove(name)
        append(name, value)
    }

    public mutating func set(_ name: StaticString, _ value: [UInt8]) { set(name, value.span) }

    // MARK: - For the parsers

    /// Writes a line that a `LineScanner` has cut (without CRLF, free of control bytes other than HTAB) into the arena, its
    /// name in lower case. It is no field until `keep` makes it one; a line that is none stays, as the control data does.
    ///
    /// - Parameter toleratesSpaceBeforeColon: true for responses, where a proxy has to remove that whitespace
    ///   (RFC 9112 §5.1); a request with it is refused, as the same section demands.
    mutating func read(
        _ line: Span<UInt8>, toleratesSpaceBeforeColon: Bool = false
    ) throws(HTTP1Error) -> Field {
        let start = arena.count
        var nameCount = 0
        // A line is at most four bytes longer as it is written here: colon, space, CRLF.
        arena.append(count: line.count + 4) { nameCount = FieldLine.copyName(line, to: $0) }
        let value = try FieldLine.value(
            of: line, nameCount: nameCount, toleratesSpaceBeforeColon: toleratesSpaceBeforeColon)
        let field = Field(
            nameStart: UInt32(start), nameCount: UInt32(nameCount), valueCount: UInt32(value.count), flags: .checked)
        arena.rewrite(from: start + nameCount, to: start + nameCount + value.count + 4) { end in
            Self.finish(line: end, valueCount: value.count) { line.extracting(value).copy(to: $0) }
        }
        return field
    }

    /// What `read` has written, and everything else; valid until the next change.
    @inline(__always)
    var bytes: UnsafeBufferPointer<UInt8> { arena.buffer }

    /// Makes what `read` has written a field.
    @inline(__always)
    mutating func keep(_ field: Field) { add(field, field.flags) }

    /// Appends a field that HPACK gave and that is well-formed, name and value in one piece.
    mutating func append(_ bytes: Span<UInt8>, _ decoded: HPACKField) {
        append(
            checkedName: bytes.extracting(..<decoded.nameCount), value: bytes.extracting(decoded.nameCount...),
            flags: decoded.isNeverIndexed ? .neverIndexed : [])
    }

    /// Copies bytes that are no field into the arena.
    mutating func store(_ bytes: Span<UInt8>) -> ByteRange {
        let start = arena.count
        arena.append(copying: bytes)
        return ByteRange(start..<arena.count)
    }

    /// Copies a byte and bytes behind it, none of them a field, into the arena.
    mutating func store(_ bytes: Span<UInt8>, after first: UInt8) -> ByteRange {
        let start = arena.count
        arena.append(first)
        arena.append(copying: bytes)
        return ByteRange(start..<arena.count)
    }

    // MARK: - Changing

    public mutating func setFlags(_ flags: Flags, at index: Int) {
        var field = fields[index]
        field.flags = flags.subtracting(.ours).union(field.flags.intersection(.ours))
        fields.replace(at: index, with: field)
    }

    /// Removes the field in this slot; does nothing when it is already removed.
    public mutating func remove(at index: Int) {
        var field = fields[index]
        guard !field.isRemoved else { return }
        field.flags.insert(.removed)
        fields.replace(at: index, with: field)
        count -= 1
        byteCount -= field.listSize
    }

    /// Removes every field of this name and says how many there were.
    @discardableResult
    public mutating func remove(_ name: StaticString) -> Int {
        var removed = 0
        for index in fields.indices where !fields[index].isRemoved && nameEquals(at: index, name) {
            remove(at: index)
            removed += 1
        }
        return removed
    }

    /// Removes every field whose name satisfies `predicate`.
    public mutating func removeAll(where predicate: (_ name: Span<UInt8>) -> Bool) {
        for index in fields.indices where !fields[index].isRemoved && withName(at: index, predicate) {
            remove(at: index)
        }
    }

    /// Removes every field, and the control data of the head that owns the block.
    public mutating func removeAll() {
        arena.removeAll()
        fields.removeAll()
        count = 0
        byteCount = 0
        control = ControlData()
    }

    // MARK: - Private

    /// Writes a field's line; `fill` writes the value.
    @inline(__always)
    private mutating func write(
        name: Span<UInt8>, valueCount: Int, _ fill: (UnsafeMutableRawPointer) -> Void
    ) -> Field {
        let field = Field(
            nameStart: UInt32(arena.count), nameCount: UInt32(name.count), valueCount: UInt32(valueCount), flags: [])
        arena.append(count: name.count + valueCount + 4) { line in
            name.copy(to: line)
            Self.finish(line: line + name.count, valueCount: valueCount, fill)
        }
        return field
    }

    /// Writes what stands behind a name.
    @inline(__always)
    private static func finish(
        line: UnsafeMutablePointer<UInt8>, valueCount: Int, _ fill: (UnsafeMutableRawPointer) -> Void
    ) {
        let line = UnsafeMutableRawPointer(line)
        line.storeBytes(of: UInt16(0x3A20).bigEndian, as: UInt16.self)  // ": "
        fill(line + 2)
        line.storeBytes(of: UInt16(0x0D0A).bigEndian, toByteOffset: 2 + valueCount, as: UInt16.self)
    }

    @inline(__always)
    private mutating func add(_ field: Field, _ flags: Flags) {
        var field = field
        field.flags = flags
        fields.append(field)
        count &+= 1
        byteCount &+= field.listSize
    }
}

extension Span<UInt8> {
    /// Writes all bytes to memory that has room for them.
    @inline(__always)
    fileprivate func copy(to memory: UnsafeMutableRawPointer) {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            memory.copyMemory(from: start, byteCount: bytes.count)
        }
    }
}
