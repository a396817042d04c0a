/// The field lines of one message head (or trailer section), in order, in one arena.
///
/// Two growing runs, one of bytes and one of offsets, whose memory survives `removeAll`: a block that is reused for message
/// after message stops allocating. It cannot be copied: it has one owner, or changes places with another by `swap`. Names are stored in lower case, as HTTP/2 sends them (RFC 9113 §8.2.1)
/// and as HTTP/1.1 allows (RFC 9110 §5.1); values are stored byte for byte. Nothing is validated on the way in: the
/// parsers validate what they read, `HTTP1Encoder` what it writes.
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
        public let valueStart: UInt32
        public let valueCount: UInt32
        public internal(set) var flags: Flags

        @inlinable
        public var nameRange: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
        @inlinable
        public var valueRange: Range<Int> { Int(valueStart)..<Int(valueStart) + Int(valueCount) }
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

    /// - Parameter nameIsLowercase: known to be, as HTTP/2 demands of every name and nghttp2 has checked.
    public mutating func append(
        name: Span<UInt8>, value: Span<UInt8>, flags: Flags = [], nameIsLowercase: Bool = false
    ) {
        let nameStart = arena.count
        arena.append(copying: name)
        if !nameIsLowercase { arena.lowercase(nameStart..<arena.count) }
        let valueStart = arena.count
        arena.append(copying: value)
        addField(name: nameStart..<valueStart, value: valueStart..<arena.count, flags: flags)
    }

    /// Appends a field.
    /// - Parameter name: in lower case; `nameEquals` and the encoders take it as it is.
    public mutating func append(_ name: StaticString, _ value: Span<UInt8>, flags: Flags = []) {
        let nameStart = arena.count
        arena.append(name)
        let valueStart = arena.count
        arena.append(copying: value)
        addField(name: nameStart..<valueStart, value: valueStart..<arena.count, flags: flags)
    }

    public mutating func append(_ name: StaticString, _ value: StaticString, flags: Flags = []) {
        value.withUTF8Buffer { append(name, $0.span, flags: flags) }
    }

    public mutating func append(_ name: StaticString, _ value: [UInt8], flags: Flags = []) {
        append(name, value.span, flags: flags)
    }

    /// Appends a field whose value is `value` in decimal.
    public mutating func append(_ name: StaticString, _ value: UInt64, flags: Flags = []) {
        let nameStart = arena.count
        arena.append(name)
        let valueStart = arena.count
        arena.append(decimal: value)
        addField(name: nameStart..<valueStart, value: valueStart..<arena.count, flags: flags)
    }

    /// Appends a field whose value is the UTF-8 of `text`. For cold paths: strings cost an allocation.
    public mutating func append(_ name: StaticString, text: String, flags: Flags = []) {
        append(name, Array(text.utf8), flags: flags)
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

    /// Appends a field line that a parser has validated: one copy for name, colon and value.
    mutating func append(line: Span<UInt8>, nameCount: Int, value: Range<Int>, flags: Flags = []) {
        precondition(nameCount <= value.lowerBound, "a field's name ends before its value begins")
        let start = arena.count
        arena.append(copying: line.extracting(0..<value.upperBound))
        arena.lowercase(start..<start + nameCount)
        let valueRange = start + value.lowerBound..<start + value.upperBound
        addField(name: start..<start + nameCount, value: valueRange, flags: flags)
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
        field.flags = flags.subtracting(.removed).union(field.flags.intersection(.removed))
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

    private mutating func addField(name: Range<Int>, value: Range<Int>, flags: Flags) {
        let field = Field(
            nameStart: UInt32(name.lowerBound), nameCount: UInt32(name.count),
            valueStart: UInt32(value.lowerBound), valueCount: UInt32(value.count),
            flags: flags.subtracting(.removed))
        fields.append(field)
        count += 1
        byteCount += field.listSize
    }
}
