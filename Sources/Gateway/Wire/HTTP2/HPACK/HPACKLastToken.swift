internal import Glibc

/// The last value of `authorization` that came on a connection, with the bytes that it was coded in.
///
/// A bearer token is 300 bytes and more of Huffman code in every request, because clients keep it out of the table
/// (RFC 7541 §7.1.3), and the same for as long as it lives: comparing the code costs a tenth of decoding it. It is only
/// compared with what the same connection sent, so that time tells nobody of another's token.
struct HPACKLastToken: ~Copyable, @unchecked Sendable {  // it owns plain bytes
    /// Longer ones are not worth the memory for as long as the connection is open.
    private static let longestCode = 2048
    private static let shortestValue = 32

    /// The code, and behind it the value.
    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var codeCount = 0
    private var valueCount = 0

    init() {}

    deinit { base?.deallocate() }

    /// Appends the value when `block` begins with its code.
    /// - Returns: the code's length; nil when it is another.
    mutating func append(ifNext block: UnsafeBufferPointer<UInt8>, to scratch: inout HPACKScratch) -> Int? {
        // In bounds: the block is as long as the code.
        guard let base, let start = block.baseAddress, codeCount > 0, block.count >= codeCount,
            memcmp(base, start, codeCount) == 0
        else { return nil }
        scratch.append(UnsafeBufferPointer(start: base + codeCount, count: valueCount))
        return codeCount
    }

    /// - Parameter code: the string literal of `value`, its length included.
    mutating func remember(code: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        codeCount = 0
        guard code.count <= Self.longestCode, value.count >= Self.shortestValue, let start = code.baseAddress,
            let text = value.baseAddress
        else { return }
        if code.count + value.count > capacity {
            base?.deallocate()
            capacity = code.count + value.count
            base = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        }
        guard let base else { return }
        // In bounds: allocated.
        base.initialize(from: start, count: code.count)
        (base + code.count).initialize(from: text, count: value.count)
        codeCount = code.count
        valueCount = value.count
    }
}
