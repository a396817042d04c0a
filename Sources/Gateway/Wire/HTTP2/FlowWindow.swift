/// How much we may send (RFC 9113 §6.9): a stream's, or the connection's. SETTINGS can make a stream's negative.
struct SendWindow: Equatable, Sendable {
    static let initial: Int32 = 65_535

    private(set) var available: Int32

    init(_ available: Int32 = initial) { self.available = available }

    mutating func take(_ count: Int) { available -= Int32(count) }

    /// WINDOW_UPDATE, or a changed SETTINGS_INITIAL_WINDOW_SIZE.
    ///
    /// - Returns: false when the window would go beyond 2³¹ - 1 (RFC 9113 §6.9.1).
    mutating func change(by difference: Int64) -> Bool {
        guard let changed = Int32(exactly: Int64(available) + difference) else { return false }
        available = changed
        return true
    }
}

/// How much the other side may send, and when to tell it that it may send more.
struct ReceiveWindow: Equatable, Sendable {
    /// What it is when nothing is under way.
    private(set) var size: Int32
    /// What the other side may still send, as far as it knows.
    private(set) var available: Int32
    /// Taken from the window, used, and not yet given back.
    private var consumed: Int32 = 0

    init(_ size: Int32 = SendWindow.initial) {
        self.size = size
        available = size
    }

    /// - Returns: false when the other side sent more than it may.
    mutating func take(_ count: Int) -> Bool {
        guard count <= Int(available) else { return false }
        available -= Int32(count)
        return true
    }

    /// `count` bytes that came are used up.
    ///
    /// - Returns: what a WINDOW_UPDATE is to give back; 0: not yet, less than half of the window was used.
    mutating func consume(_ count: Int) -> UInt32 {
        consumed += Int32(count)
        guard consumed >= max(1, size / 2) else { return 0 }
        defer { consumed = 0 }
        available += consumed
        return UInt32(consumed)
    }

    /// Another size from now on: SETTINGS that the other side has acknowledged, or what a WINDOW_UPDATE adds.
    mutating func resize(to newSize: Int32) {
        available += newSize - size
        size = newSize
    }
}
