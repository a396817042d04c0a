/// A data type of the server, by its object identifier (`pg_type.oid`).
public struct PostgresType: Sendable, Hashable, CustomStringConvertible {
    public let oid: UInt32

    public init(oid: UInt32) {
        self.oid = oid
    }

    public static let bool = PostgresType(oid: 16)
    public static let bytea = PostgresType(oid: 17)
    public static let char = PostgresType(oid: 18)
    public static let name = PostgresType(oid: 19)
    public static let int8 = PostgresType(oid: 20)
    public static let int2 = PostgresType(oid: 21)
    public static let int4 = PostgresType(oid: 23)
    public static let text = PostgresType(oid: 25)
    public static let json = PostgresType(oid: 114)
    public static let float4 = PostgresType(oid: 700)
    public static let float8 = PostgresType(oid: 701)
    public static let unknown = PostgresType(oid: 705)
    public static let bpchar = PostgresType(oid: 1042)
    public static let varchar = PostgresType(oid: 1043)
    public static let timestamptz = PostgresType(oid: 1184)
    public static let numeric = PostgresType(oid: 1700)
    public static let uuid = PostgresType(oid: 2950)
    public static let jsonb = PostgresType(oid: 3802)

    /// Types made in the database (enums, domains over composites, …) start here (`FirstNormalObjectId`).
    var isUserDefined: Bool { oid >= 16_384 }

    /// Whether this is an array of one of the types named here, or may be one of a type made in the database.
    var isArray: Bool { isUserDefined || Self.known.contains { $0.array == oid } }

    private static let known: [(type: PostgresType, array: UInt32, name: String)] = [
        (.bool, 1000, "bool"), (.bytea, 1001, "bytea"), (.char, 1002, "char"), (.name, 1003, "name"),
        (.int8, 1016, "int8"), (.int2, 1005, "int2"), (.int4, 1007, "int4"), (.text, 1009, "text"),
        (.json, 199, "json"), (.float4, 1021, "float4"), (.float8, 1022, "float8"), (.bpchar, 1014, "char(n)"),
        (.varchar, 1015, "varchar"), (.timestamptz, 1185, "timestamptz"), (.numeric, 1231, "numeric"),
        (.uuid, 2951, "uuid"), (.jsonb, 3807, "jsonb"),
    ]

    /// The type of an array of this type.
    ///
    /// - Precondition: this is one of the types named here.
    public var array: PostgresType {
        guard let entry = Self.known.first(where: { $0.type == self }) else {
            preconditionFailure("no array type is known for \(self)")
        }
        return PostgresType(oid: entry.array)
    }

    public var description: String {
        for entry in Self.known {
            if entry.type == self { return entry.name }
            if entry.array == oid { return "\(entry.name)[]" }
        }
        return oid == Self.unknown.oid ? "unknown" : "type \(oid)"
    }
}
