/// Text travels as `text`; it is read from every type whose binary format is its text: `text`, `varchar`, `char`,
/// `name`, `json`, `jsonb`, and enums.
extension String: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .text }

    /// - Throws: `bindFailure` for a text with NUL (U+0000), which Postgres cannot hold (ch. 8.3).
    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        guard !utf8.contains(0) else { throw PostgresError(.bindFailure, "a text must not contain NUL (U+0000)") }
        buffer.append(contentsOf: utf8)
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> String {
        var content = bytes
        switch type {
        case .text, .varchar, .bpchar, .name, .json, .char, .unknown: break
        case .jsonb:
            guard bytes.byteCount >= 1, bytes.integer(as: UInt8.self) == JSON.binaryVersion else {
                throw unreadable(type, "its binary version is unknown")
            }
            content = bytes.extracting(1..<bytes.byteCount)
        default: guard type.isUserDefined else { throw mismatch(type) }
        }
        let text = content.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw unreadable(type, "not valid UTF-8") }
        guard !type.isUserDefined || !text.utf8.contains(0) else { throw mismatch(type) }
        return text
    }
}
