/// The arithmetic of choosing one of several endpoints; who they are and how busy they are is the caller's to know.
public enum LoadBalancer {
    /// Two different places of `count`, drawn from one random number (Mitzenmacher, "The Power of Two Choices", 2001: the
    /// less busy of two keeps the busiest endpoint near the mean).
    ///
    /// - Precondition: `count` is 2…2³¹.
    @inlinable
    public static func two(of count: Int, random: UInt64) -> (Int, Int) {
        let first = place(of: count, random: random)
        var second = place(of: count - 1, random: random >> 32)
        if second >= first { second += 1 }
        return (first, second)
    }

    /// One place of `count`, from the low half of a random number (Lemire's multiplication in place of a remainder).
    @inlinable
    public static func place(of count: Int, random: UInt64) -> Int {
        Int(((random & 0xFFFF_FFFF) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}

/// One after the other.
public struct RoundRobin: Sendable {
    private var next: Int

    /// - Parameter start: where to begin; random, so that workers do not all begin at the same endpoint.
    public init(start: Int) { next = start }

    public mutating func place(of count: Int) -> Int {
        next = next &+ 1
        return Int(UInt(bitPattern: next) % UInt(count))
    }
}
