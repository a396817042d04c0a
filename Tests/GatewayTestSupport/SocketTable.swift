import Glibc

/// What this process has open, to see that nothing leaks.
public enum SocketTable {
    typealias Name = (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32

    /// Connected sockets of this process with `port` at either end. A connection inside the process counts twice.
    public static func connections(touching port: UInt16) -> Int {
        descriptors().count { descriptor in
            guard let peer = self.port(of: descriptor, getpeername) else { return false }
            return peer == port || self.port(of: descriptor, getsockname) == port
        }
    }

    /// The kernel's view of `port`, in whatever process: a line of /proc/net/tcp each, for a failure's text.
    public static func kernelLines(touching port: UInt16) -> String {
        guard let file = fopen("/proc/net/tcp", "r") else { return "" }
        defer { fclose(file) }
        let digits = String(port, radix: 16, uppercase: true)
        let wanted = ":" + String(repeating: "0", count: 4 - digits.utf8.count) + digits + " "
        var lines: [String] = []
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.contains(wanted) { lines.append(text.split(separator: " ").prefix(5).joined(separator: " ")) }
        }
        return lines.joined(separator: "\n")
    }

    /// The sockets that `connections(touching:)` counts, for a failure's text.
    public static func describe(touching port: UInt16) -> String {
        descriptors().compactMap { descriptor in
            guard let peer = self.port(of: descriptor, getpeername), let own = self.port(of: descriptor, getsockname),
                peer == port || own == port
            else { return nil }
            return "descriptor \(descriptor) from \(own) to \(peer)"
        }.joined(separator: ", ")
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
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { name(descriptor, $0.baseAddress, &length) }
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Waits until `condition` holds, looking every millisecond.
///
/// - Returns: false when it did not hold within `seconds`.
public func eventually(within seconds: Int = 10, _ condition: () -> Bool) -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    while !condition() {
        if clock.now > deadline { return false }
        poll(nil, 0, 1)
    }
    return true
}
