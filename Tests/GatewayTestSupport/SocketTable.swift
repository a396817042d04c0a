import Glibc

/// What this process has open, to see that nothing leaks.
public enum SocketTable {
    typealias Name = (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32

    /// Connected TCP sockets of this process with `port` of 127.0.0.1 at either end. A connection inside the process counts
    /// twice. Others of 127.0.0.0/8 are not looked at, nor UDP: the kernel gives their ports out on their own. (The test
    /// process has a pair of connected UDP sockets from its start to its end.)
    public static func connections(touching port: UInt16) -> Int {
        descriptors().count { descriptor in
            guard isStream(descriptor), let peer = name(of: descriptor, getpeername) else { return false }
            return isLoopback(peer, port) || name(of: descriptor, getsockname).map { isLoopback($0, port) } ?? false
        }
    }

    /// The sockets that have `port` at either end, and those that are bound to it, for a failure's text.
    public static func describe(touching port: UInt16) -> String {
        func text(_ name: sockaddr_in) -> String {
            "127.\(UInt32(bigEndian: name.sin_addr.s_addr) & 0xFF_FFFF):\(UInt16(bigEndian: name.sin_port))"
        }
        let sockets = descriptors().compactMap { descriptor -> String? in
            guard isStream(descriptor), let own = name(of: descriptor, getsockname) else { return nil }
            let peer = name(of: descriptor, getpeername)
            guard own.sin_port.bigEndian == port || peer?.sin_port.bigEndian == port else { return nil }
            return "descriptor \(descriptor) from \(text(own)) to \(peer.map(text) ?? "nobody")"
        }
        return "port \(port): \(sockets.joined(separator: ", "))"
    }

    /// Everything that is open: only meaningful in a process that does nothing else meanwhile.
    public static var descriptorCount: Int { descriptors().count }

    private static func descriptors() -> [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        let own = dirfd(directory)
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            // The entry is as long as its name, not as `d_name` is declared, so it must not be copied whole.
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
            if let number = Int32(String(cString: name)), number != own { numbers.append(number) }
        }
        return numbers
    }

    static func port(of descriptor: Int32, _ name: Name) -> UInt16? {
        self.name(of: descriptor, name).map { UInt16(bigEndian: $0.sin_port) }
    }

    private static func isStream(_ descriptor: Int32) -> Bool {
        var type: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == Int32(SOCK_STREAM.rawValue)
    }

    private static func isLoopback(_ name: sockaddr_in, _ port: UInt16) -> Bool {
        name.sin_port == port.bigEndian && name.sin_addr.s_addr == UInt32(0x7F00_0001).bigEndian
    }

    private static func name(of descriptor: Int32, _ name: Name) -> sockaddr_in? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { name(descriptor, $0.baseAddress, &length) }
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return address
    }
}

/// Waits until `condition` holds, looking every ten milliseconds, and leaves its thread to others meanwhile: what is waited
/// for may be theirs to do.
///
/// - Returns: false when it did not hold within `seconds`.
public func settles(within seconds: Int, _ condition: () -> Bool) async throws -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    while !condition() {
        if clock.now > deadline { return false }
        // lint: allow(sleep): the pause between two looks; the condition ends the wait
        try await clock.sleep(for: .milliseconds(10))
    }
    return true
}

/// Waits until `condition` holds, looking every millisecond. It blocks the thread, of which there are as many as
/// processors: not for what another test has to end.
///
/// - Returns: false when it did not hold within `seconds`.
public func eventually(within seconds: Int = 60, _ condition: () -> Bool) -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    while !condition() {
        if clock.now > deadline { return false }
        poll(nil, 0, 1)
    }
    return true
}
