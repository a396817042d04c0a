import Glibc

/// Who is counted as one client: an IPv4 address, or the /64 of an IPv6 address, which is what one host or site has
/// (RFC 6177 §2), so that nobody multiplies by taking another address of the same network.
public struct ClientNetwork: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// The address's first 64 bits, and for IPv4 the rest; an IPv4 address is mapped into IPv6.
    public var words: (high: UInt64, low: UInt64) { (high, low) }

    public init(_ address: SocketAddress) {
        let bytes = address.bytes
        self.init(high: bytes.high, low: bytes.low)
    }

    /// Of an address as of IPv6, an IPv4 address mapped.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = high == 0 && low >> 32 == 0xFFFF ? low : 0
    }
}

extension ClientNetwork: CustomStringConvertible {
    /// "192.0.2.1", or "2001:db8:0:1::/64".
    public var description: String {
        if high == 0 && low >> 32 == 0xFFFF {
            return [24, 16, 8, 0].map { String(low >> UInt64($0) & 0xFF) }.joined(separator: ".")
        }
        return [48, 32, 16, 0].map { String(high >> UInt64($0) & 0xFFFF, radix: 16) }.joined(separator: ":") + "::/64"
    }
}

extension SocketAddress {
    /// The address as of IPv6, an IPv4 address mapped (RFC 4291 §2.5.5.2).
    public var bytes: (high: UInt64, low: UInt64) {
        withSockaddr { address, _ in
            let raw = UnsafeRawPointer(address)
            if Int32(address.pointee.sa_family) == AF_INET {
                let four = raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
                return (0, 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: four)))
            }
            let six = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: six) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
        }
    }
}
