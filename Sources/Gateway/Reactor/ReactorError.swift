import Glibc

/// What can go wrong between the reactor and the operating system.
public enum ReactorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A system call failed.
    case system(call: StaticString, errno: Int32)
    /// Not a numeric IPv4 or IPv6 address.
    case invalidAddress(String)
    /// The address of a listener could not be bound.
    case cannotListen(address: String, port: UInt16, errno: Int32)

    public var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(Self.text(code))"
        case .invalidAddress(let address): "\"\(address)\" is not a numeric IPv4 or IPv6 address"
        case .cannotListen(let address, let port, let code):
            "cannot listen on \(address) port \(port): \(Self.text(code))"
        }
    }

    public static func == (left: ReactorError, right: ReactorError) -> Bool {
        left.description == right.description
    }

    private static func text(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
