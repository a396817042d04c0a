/// Decodes the Huffman code of HPACK (RFC 7541 §5.2, appendix B).
///
/// The code is canonical: in the order of their lengths, and of their values within a length, the codes count up. So
/// the lengths are the whole code. All codes of 5 to 8 bits, which are nearly all that fields are made of, are found by
/// the next eight bits; those of 10 to 15 bits all begin with seven ones and are found by the eight bits behind these.
/// Longer ones, which are of no text in English, are counted out.
///
/// Two tables of 1 KB stay in the processor's cache. A wider first table that yields two symbols was counted out: at
/// 12 bits and 16 KB it finds 1.4 symbols of a token at a time, and takes more instructions for them.
struct HuffmanTables: BitwiseCopyable {
    /// Bits 0–7: the code's length, 0 for no such code. Bits 8–15: the symbol. Bit 24: set in each entry, so that a sum
    /// of entries tells how many they were.
    private typealias Entry = UInt32

    private let short: UnsafePointer<UInt32>
    private let middle: UnsafePointer<UInt32>
    /// By length: where its codes begin, how many there are, and the first one's place among `symbols`.
    private let long: UnsafePointer<(first: UInt32, count: UInt32, offset: Int)>
    private let symbols: UnsafePointer<UInt16>

    /// Takes memory that is never freed.
    init() {
        let short = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
        let middle = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
        let long = UnsafeMutablePointer<(first: UInt32, count: UInt32, offset: Int)>.allocate(capacity: 31)
        let symbols = UnsafeMutablePointer<UInt16>.allocate(capacity: Self.lengths.count)
        short.initialize(repeating: 0, count: 256)
        middle.initialize(repeating: 0, count: 256)
        var code: UInt32 = 0
        var place = 0
        for length in 0...30 {
            code <<= 1
            long[length] = (code, 0, place)
            for symbol in Self.lengths.indices where Int(Self.lengths[symbol]) == length {
                symbols[place] = UInt16(symbol)
                let entry = UInt32(length) | UInt32(truncatingIfNeeded: symbol & 0xFF) << 8 | 1 << 24
                // In bounds: a code of n bits is below 2ⁿ, and these of more than 8 have their first seven bits cut off.
                if length <= 8 { Self.fill(short, code, length, entry) }
                if (10...15).contains(length) {
                    Self.fill(middle, code & (1 << UInt32(length - 7) - 1), length - 7, entry)
                }
                code += 1
                place += 1
            }
            long[length].count = UInt32(place - long[length].offset)
        }
        self.short = UnsafePointer(short)
        self.middle = UnsafePointer(middle)
        self.long = UnsafePointer(long)
        self.symbols = UnsafePointer(symbols)
    }

    private static func fill(_ table: UnsafeMutablePointer<UInt32>, _ code: UInt32, _ length: Int, _ entry: UInt32) {
        let first = Int(code) << (8 - length)
        for index in first..<first + 1 << (8 - length) { table[index] = entry }
    }

    /// The most bytes that `decode` writes for `count` bytes of code: the shortest code has five bits, and the last
    /// step may write up to seven bytes that do not count.
    @inline(__always)
    static func maximumBytes(for count: Int) -> Int { count * 8 / 5 + 8 }

    /// Decodes `input` into `output`, which has room for `maximumBytes`.
    ///
    /// Seven symbols a step, without a branch between them: a code of more than eight bits has no entry in `short`, so it
    /// moves nothing on, and neither do the lookups behind it; the sum tells where they stopped. Behind the end of the
    /// input are ones, at which they stop as well. A code that only these complete is wrong: padding is the beginning of
    /// EOS, and a symbol's code is not.
    ///
    /// - Returns: how many bytes; nil for a code that does not exist, EOS, or wrong padding.
    func decode(_ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        let end = input.count * 8
        var bit = 0
        var written = 0
        while bit < end {
            var window = Self.window(input, at: bit)
            var sum: Entry = 0
            let target = output + written
            target[0] = step(&window, &sum)
            target[1] = step(&window, &sum)
            target[2] = step(&window, &sum)
            target[3] = step(&window, &sum)
            target[4] = step(&window, &sum)
            target[5] = step(&window, &sum)
            target[6] = step(&window, &sum)
            bit &+= Int(truncatingIfNeeded: sum & 0xFF)
            written &+= Int(truncatingIfNeeded: sum >> 24)
            if bit > end { return nil }
            if sum < 7 << 24 {
                // Of the 57 bits at most 48 are gone. Fewer than eight are left, all ones: the beginning of EOS.
                if end - bit < 8 && window >> 56 == 0xFF { return written }
                guard let entry = longEntry(Self.window(input, at: bit)), bit + Int(entry & 0xFF) <= end
                else { return nil }
                output[written] = UInt8(truncatingIfNeeded: entry >> 8)
                written += 1
                bit += Int(entry & 0xFF)
            }
        }
        return written
    }

    @inline(__always)
    private func step(_ window: inout UInt64, _ sum: inout Entry) -> UInt8 {
        // In bounds: eight bits.
        let entry = short[Int(truncatingIfNeeded: window >> 56)]
        window = window &<< UInt64(truncatingIfNeeded: entry)
        sum &+= entry
        return UInt8(truncatingIfNeeded: entry >> 8)
    }

    /// The code of more than eight bits that `window` begins with; nil for EOS and for none.
    @inline(__always)
    private func longEntry(_ window: UInt64) -> Entry? {
        let entry = middle[Int(truncatingIfNeeded: (window << 7) >> 56)]  // in bounds: eight bits
        return entry != 0 ? entry : countedEntry(window)
    }

    @inline(never)
    private func countedEntry(_ window: UInt64) -> Entry? {
        for length in 19...30 {
            let row = long[length]
            let index = UInt32(truncatingIfNeeded: window >> UInt64(64 - length)) &- row.first
            guard index < row.count else { continue }
            let symbol = UInt32(symbols[row.offset + Int(index)])
            return symbol < 256 ? UInt32(length) | symbol << 8 | 1 << 24 : nil
        }
        return nil
    }

    /// The bits from `bit` on, at least 57 of them, ones behind the end of the input.
    @inline(__always)
    private static func window(_ input: UnsafeBufferPointer<UInt8>, at bit: Int) -> UInt64 {
        let byte = bit >> 3
        guard let start = UnsafeRawPointer(input.baseAddress), byte &+ 8 <= input.count
        else { return lastWindow(input, at: bit) }
        // In bounds: eight bytes are left.
        let word = UInt64(bigEndian: (start + byte).loadUnaligned(as: UInt64.self))
        return word &<< UInt64(truncatingIfNeeded: bit & 7)
    }

    private static func lastWindow(_ input: UnsafeBufferPointer<UInt8>, at bit: Int) -> UInt64 {
        let byte = bit >> 3
        let left = input.count - byte
        guard left > 0, let start = UnsafeRawPointer(input.baseAddress) else { return .max }
        var word: UInt64 = 0
        if input.count >= 8 {
            // In bounds: the last eight bytes of the input.
            word = UInt64(bigEndian: (start + input.count - 8).loadUnaligned(as: UInt64.self))
            word = ~(~word << UInt64(64 - 8 * left))
        } else {
            for index in byte..<input.count { word = word << 8 | UInt64(input[index]) }
            word = word << UInt64(64 - 8 * left) | .max >> UInt64(8 * left)
        }
        return ~(~word << UInt64(bit & 7))
    }

    /// The length of each byte's code, and of EOS at the end, in bits (appendix B).
    static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
}
