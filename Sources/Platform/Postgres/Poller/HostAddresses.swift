import Glibc

/// Host names and their addresses.
enum HostAddresses {
    /// Whether a host is an IPv4 or IPv6 address already.
    static func isNumeric(_ host: String) -> Bool {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        return !lookUp(host, hints: hints).isEmpty
    }

    /// The addresses of a host name, in the order of preference of the system; empty if there are none. Blocks.
    static func resolve(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        return lookUp(host, hints: hints)
    }

    private static func lookUp(_ host: String, hints: addrinfo) -> [String] {
        var hints = hints
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            let info = entry.pointee
            if getnameinfo(info.ai_addr, info.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0 {
                let address = text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = info.ai_next
        }
        return addresses
    }
}
