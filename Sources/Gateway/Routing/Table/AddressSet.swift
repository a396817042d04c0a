/// A set of IP addresses, given as blocks: "10.0.0.0/8", "2001:db8::/32", or an address alone.
///
/// IPv4 addresses are those mapped into IPv6 (RFC 4291 §2.5.5.2), however they are written, so that both ways of one client
/// to come in are one.
public struct AddressSet: Sendable, Hashable, CustomStringConvertible {
    /// In order, and apart from each other.
    private var ranges: [ClosedRange<UInt128>]

    /// - Parameter blocks: see `block(_:)`; those that are none are left out.
    public init(_ blocks: [String]) {
        self.blocks = blocks
        let sorted = blocks.compactMap { Self.block($0) }.sorted { $0.lowerBound < $1.lowerBound }
        ranges = []
        for range in sorted {
            if let last = ranges.last, range.lowerBound <= last.upperBound {
                ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    public var isEmpty: Bool { ranges.isEmpty }

    /// As it was written.
    public let blocks: [String]

    /// Takes a time logarithmic in the number of blocks.
    public func contains(high: UInt64, low: UInt64) -> Bool {
        let address = UInt128(high) << 64 | UInt128(low)
        var (first, end) = (0, ranges.count)
        while first < end {
            let middle = (first + end) / 2
            if ranges[middle].upperBound < address { first = middle + 1 } else { end = middle }
        }
        return first < ranges.count && ranges[first].lowerBound <= address
    }

    // MARK: - Text

    public var description: String { blocks.joined(separator: ", ") }

    /// One address as its halves, an IPv4 address mapped into IPv6; nil when the text is none.
    public static func words(of address: String) -> (high: UInt64, low: UInt64)? {
        guard let range = block(address), range.lowerBound == range.upperBound else { return nil }
        return (UInt64(truncatingIfNeeded: range.lowerBound >> 64), UInt64(truncatingIfNeeded: range.lowerBound))
    }

    /// The addresses of a block; nil when the text is none, or has bits set behind its prefix.
    static func block(_ text: String) -> ClosedRange<UInt128>? {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first else { return nil }
        let isIPv6 = first.contains(UInt8(ascii: ":"))
        guard let address = isIPv6 ? ipv6(first) : ipv4(first).map({ UInt128(0xFFFF) << 32 | UInt128($0) }) else {
            return nil
        }
        let width = isIPv6 ? 128 : 32
        var prefix = width
        if parts.count == 2 {
            guard let length = decimal(parts[1], upTo: width) else { return nil }
            prefix = length
        }
        let rest = width == prefix ? 0 : UInt128.max >> UInt128(128 - (width - prefix))
        return address & rest == 0 ? address...(address | rest) : nil
    }

    private static func ipv4(_ text: Substring.UTF8View) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard let byte = decimal(part, upTo: 255) else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }

    /// RFC 4291 §2.2, without a zone.
    private static func ipv6(_ text: Substring.UTF8View) -> UInt128? {
        var groups: [UInt16] = []
        /// Where "::" stands.
        var gap: Int?
        var rest = text
        if rest.starts(with: "::".utf8) {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let group = rest.prefix { $0 != UInt8(ascii: ":") }
            rest = rest.dropFirst(group.count)
            if group.contains(UInt8(ascii: ".")) {
                guard rest.isEmpty, let four = ipv4(group) else { return nil }
                groups += [UInt16(four >> 16), UInt16(truncatingIfNeeded: four)]
                break
            }
            guard (1...4).contains(group.count), let value = UInt16(String(decoding: group, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(value)
            if rest.starts(with: "::".utf8) {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst(2)
            } else if !rest.isEmpty {
                rest = rest.dropFirst()
                if rest.isEmpty { return nil }
            }
        }
        guard gap == nil ? groups.count == 8 : groups.count < 8 else { return nil }
        if let gap { groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap) }
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// Without a sign and without zeros in front.
    private static func decimal(_ text: Substring.UTF8View, upTo limit: Int) -> Int? {
        guard (1...3).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        if text.count > 1 && text.first == 0x30 { return nil }
        let number = text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return number <= limit ? number : nil
    }
}
