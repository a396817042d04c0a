/// Which metadata never reaches a log.
///
/// A key is a secret's when it contains one of ``secretWords`` after lower-casing and dropping `-`, `_`, `.` and spaces:
/// `Authorization`, `db.password`, `X-Api-Key`. A value is a secret whatever its key when it is an HTTP credential
/// (`Bearer …`, `Basic …`). Redacting too much is the safe side: a counter called `tokens` is redacted too.
enum Redaction {
    static let replacement = "redacted"

    static let secretWords = [
        "authorization", "password", "passwd", "passphrase", "secret", "token", "cookie", "apikey", "privatekey",
        "credential",
    ]

    static func isSecret(key: String) -> Bool {
        var folded: [UInt8] = []
        folded.reserveCapacity(key.utf8.count)
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): folded.append(byte | 0x20)
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: " "): continue
            default: folded.append(byte)
            }
        }
        return secretWords.contains { word in contains(folded, word) }
    }

    static func isSecret(value: String) -> Bool {
        hasPrefixIgnoringCase(value, "bearer ") || hasPrefixIgnoringCase(value, "basic ")
    }

    private static func contains(_ bytes: [UInt8], _ word: String) -> Bool {
        let length = word.utf8.count
        guard bytes.count >= length else { return false }
        return (0...(bytes.count - length)).contains { start in
            bytes[start..<(start + length)].elementsEqual(word.utf8)
        }
    }

    private static func hasPrefixIgnoringCase(_ text: String, _ prefix: String) -> Bool {
        text.utf8.prefix(prefix.utf8.count).elementsEqual(prefix.utf8) { byte, expected in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == expected : byte == expected
        }
    }
}
