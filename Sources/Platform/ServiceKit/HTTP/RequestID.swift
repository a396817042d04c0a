/// The id that a request carries from hop to hop and into every log line and problem document.
public enum RequestID {
    /// Keeps a caller's id when it is 1 to 128 characters of `A-Z a-z 0-9 . _ -`; otherwise makes a fresh one, so that
    /// nothing else can be smuggled into logs.
    ///
    /// - Parameter random: Where 128 random bits come from.
    public static func keep(
        _ candidate: String?, orMakeWith random: inout some RandomNumberGenerator
    ) -> String {
        if let candidate, isValid(candidate) { return candidate }
        return hexadecimal(random.next()) + hexadecimal(random.next())
    }

    static func isValid(_ candidate: String) -> Bool {
        1...128 ~= candidate.utf8.count
            && candidate.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
