import Glibc

/// Bytes that tell where they stand: a body that lost, doubled or exchanged a piece does not match. Quick to make and to
/// check, so that megabytes cost nothing in a debug build.
public enum Pattern {
    /// A prime, so that no buffer size hides a shift.
    private static let period = 65_521

    /// Two periods, so that any period's worth is in one piece.
    private static let block: [UInt8] = {
        var state: UInt32 = 1
        let one = (0..<period).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        return one + one
    }()

    /// The bytes from `offset` on.
    public static func bytes(_ count: Int, from offset: Int = 0) -> [UInt8] {
        var made: [UInt8] = []
        made.reserveCapacity(count)
        while made.count < count {
            let start = (offset + made.count) % period
            made += block[start..<start + min(period, count - made.count)]
        }
        return made
    }

    /// Whether `bytes` are those that stand at `offset`.
    public static func matches(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
        var checked = 0
        while checked < bytes.count {
            let start = (offset + checked) % period
            let count = min(period, bytes.count - checked)
            let isEqual = bytes.withUnsafeBytes { bytes in
                block.withUnsafeBytes { block in
                    memcmp(
                        bytes.baseAddress.unsafelyUnwrapped + checked, block.baseAddress.unsafelyUnwrapped + start,
                        count)
                        == 0
                }
            }
            guard isEqual else { return false }
            checked += count
        }
        return true
    }
}
