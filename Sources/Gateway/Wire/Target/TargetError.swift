/// Why a request target cannot be served. Each is the client's fault: 400.
public enum TargetError: String, Error, Sendable, Equatable, CustomStringConvertible {
    /// Empty, or not starting with `/`.
    case notOriginForm
    /// `#`: a fragment never leaves the user agent (RFC 9110 §4.2.5).
    case fragment
    /// A control byte, a space, a byte from 0x80, or a delimiter that RFC 3986 leaves out of paths.
    case invalidByte
    /// `\`, which some servers take for a slash.
    case backslash
    /// `%` not followed by two hexadecimal digits.
    case malformedEscape
    /// `%2F`: a slash that some servers take for a separator.
    case encodedSlash
    /// `%5C`.
    case encodedBackslash
    /// `%00` to `%1F`, `%7F`.
    case encodedControl
    /// `%25` followed by two hexadecimal digits: a server that decodes twice sees another path.
    case doubleEncoding
    /// A character of ASCII in two to four bytes (RFC 3629 §3): a careless decoder takes `%C0%AE` for a dot.
    case overlongEncoding
    /// A segment that is `.` or `..`, however encoded, also before `;`, `%3B`, `%3F` and `%23`.
    case dotSegment
    /// `//`.
    case emptySegment

    public var description: String {
        switch self {
        case .notOriginForm: "the request target does not start with a slash"
        case .fragment: "the request target has a fragment"
        case .invalidByte: "the request target has a byte that must be percent-encoded"
        case .backslash: "the path has a backslash"
        case .malformedEscape: "the path has a percent sign without two hexadecimal digits"
        case .encodedSlash: "the path has an encoded slash"
        case .encodedBackslash: "the path has an encoded backslash"
        case .encodedControl: "the path has an encoded control byte"
        case .doubleEncoding: "the path is percent-encoded twice"
        case .overlongEncoding: "the path has a character in more bytes than it needs"
        case .dotSegment: "the path has a dot segment"
        case .emptySegment: "the path has an empty segment"
        }
    }
}
