/// A value that can take the place of a `$n` in a statement.
///
/// Each Swift type declares one type of the server, so a statement is prepared with known types and means the same
/// at every call; where a column has another type, cast in SQL (`$1::my_enum`). Own types forward to one of the
/// types here.
public protocol PostgresBindable: Sendable {
    /// The type declared for the `$n`; the same for every value of the Swift type.
    static var postgresType: PostgresType { get }

    /// Whether the value stands for SQL's NULL. Only `Optional` says yes.
    var isNull: Bool { get }

    /// Appends the value in the server's binary format of `postgresType`.
    ///
    /// - Throws: `bindFailure` if the type of the server cannot hold the value. The message must not hold it either.
    func encode(into buffer: inout PostgresBuffer) throws(PostgresError)
}

extension PostgresBindable {
    public var isNull: Bool { false }
}

/// Bytes on their way to the server, in network byte order.
public struct PostgresBuffer: Sendable {
    private(set) var bytes: [UInt8] = []

    public mutating func append(_ integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(contentsOf new: some Sequence<UInt8>) {
        bytes.append(contentsOf: new)
    }

    /// Appends a value after its length (four bytes), which is -1 for NULL.
    mutating func appendWithLength(_ value: some PostgresBindable) throws(PostgresError) {
        guard !value.isNull else { return append(Int32(-1)) }
        let start = bytes.count
        append(Int32(0))
        try value.encode(into: &self)
        let length = Int32(truncatingIfNeeded: bytes.count - start - 4).bigEndian
        withUnsafeBytes(of: length) { for (index, byte) in $0.enumerated() { bytes[start + index] = byte } }
    }
}

/// The binds of one statement, encoded by the calling task.
struct EncodedBinds: Sendable {
    /// A bind's place in the buffer; a negative length is NULL.
    struct Place: Sendable {
        var offset: Int
        var length: Int32
    }

    /// What the wire protocol can count (message `Bind`, 16 bits).
    static let countLimit = 65_535
    /// The most bytes of all binds together; the server allows 1 GiB for a message.
    static let byteLimit = 512 << 20

    private(set) var buffer = PostgresBuffer()
    private(set) var places: [Place] = []
    private(set) var types: [UInt32] = []

    init(_ binds: [any PostgresBindable]) throws(PostgresError) {
        guard !binds.isEmpty else { return }
        guard binds.count <= Self.countLimit else {
            throw PostgresError(.bindFailure, "a statement takes at most \(Self.countLimit) binds")
        }
        places.reserveCapacity(binds.count)
        types.reserveCapacity(binds.count)
        for (index, bind) in binds.enumerated() {
            types.append(type(of: bind).postgresType.oid)
            let offset = buffer.bytes.count
            guard !bind.isNull else {
                places.append(Place(offset: offset, length: -1))
                continue
            }
            do {
                try bind.encode(into: &buffer)
            } catch {
                throw PostgresError(error.code, "$\(index + 1): \(error.message)")
            }
            guard buffer.bytes.count <= Self.byteLimit else {
                throw PostgresError(.bindFailure, "the binds are larger than \(Self.byteLimit) bytes together")
            }
            places.append(Place(offset: offset, length: Int32(buffer.bytes.count - offset)))
        }
    }
}
