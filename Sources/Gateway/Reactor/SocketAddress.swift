import Glibc

/// A numeric IPv4 or IPv6 address with a port.
public struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private(set) var length: socklen_t

    /// - Throws: `invalidAddress`, when `address` is a name or otherwise not numeric.
    public init(numeric address: String, port: UInt16) throws(ReactorError) {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
        } else if inet_pton(AF_INET6, address, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
        } else {
            throw .invalidAddress(address)
        }
    }

    /// An IPv4 address by its number, 127.0.0.1 being 0x7F000001.
    public init(ipv4 number: UInt32, port: UInt16) {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        four.sin_addr.s_addr = number.bigEndian
        length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
    }

    /// An IPv6 address by the numbers of its halves.
    public init(ipv6 high: UInt64, _ low: UInt64, port: UInt16) {
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &six.sin6_addr) { bytes in
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
    }

    init(_ storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    var family: Int32 { Int32(storage.ss_family) }

    public var isIPv6: Bool { family == AF_INET6 }

    /// The address without the port; an IPv4 address that arrived on an IPv6 socket is written as IPv4.
    public var host: String {
        let capacity = Int(INET6_ADDRSTRLEN)
        return withUnsafeBytes(of: storage) { bytes in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
                if family == AF_INET {
                    var address = bytes.load(as: sockaddr_in.self).sin_addr
                    inet_ntop(AF_INET, &address, text.baseAddress, socklen_t(capacity))
                } else {
                    var address = bytes.load(as: sockaddr_in6.self).sin6_addr
                    inet_ntop(AF_INET6, &address, text.baseAddress, socklen_t(capacity))
                }
                guard let start = text.baseAddress else { return "" }
                let host = String(cString: start)
                return host.hasPrefix("::ffff:") && host.contains(".") ? String(host.dropFirst(7)) : host
            }
        }
    }

    public var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            family == AF_INET
                ? UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
                : UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
        }
    }

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafeBytes(of: storage) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { rebound in
                body(rebound.baseAddress.unsafelyUnwrapped, length)
            }
        }
    }
}
