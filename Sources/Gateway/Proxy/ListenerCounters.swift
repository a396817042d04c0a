/// What was counted of one listener's clients, summed over the workers.
public struct ListenerStatistics: Sendable, Equatable {
    public var connectionsAccepted: UInt64 = 0
    public var connectionsOpen: UInt64 = 0

    public init() {}
}

/// One worker's counters of one listener: written by the worker alone, read by anyone.
final class ListenerCounters: Sendable {
    let name: String
    let accepted = WorkerCounters.Counter()
    let open = WorkerCounters.Counter()

    init(_ name: String) { self.name = name }

    func add(to total: inout ListenerStatistics) {
        total.connectionsAccepted += accepted.current
        total.connectionsOpen += open.current
    }
}

/// How long the turns of a loop took, summed over the workers: what a request waits at most before its worker looks at it.
public struct LoopStatistics: Sendable, Equatable {
    /// The upper bounds of `turns` in microseconds; the last bucket has none.
    public static let bounds: [UInt64] = [100, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000]

    public var turns: [UInt64] = Array(repeating: 0, count: 8)
    public var busyMicroseconds: UInt64 = 0
    /// Bytes of bodies and heads that workers keep for requests under way.
    public var heldBytes: UInt64 = 0

    public init() {}
}

/// One worker's measure of its loop.
final class LoopCounters: Sendable {
    private let turns = InlineArray<8, WorkerCounters.Counter> { _ in WorkerCounters.Counter() }
    private let busyNanoseconds = WorkerCounters.Counter()
    private let heldBytes = WorkerCounters.Counter()

    func turnEnded(nanoseconds: UInt64, heldBytes held: Int) {
        let bucket =
            switch nanoseconds {
            case ...100_000: 0
            case ...1_000_000: 1
            case ...5_000_000: 2
            case ...10_000_000: 3
            case ...50_000_000: 4
            case ...100_000_000: 5
            case ...500_000_000: 6
            default: 7
            }
        turns[bucket].add()
        busyNanoseconds.add(nanoseconds)
        heldBytes.set(UInt64(clamping: held))
    }

    func add(to total: inout LoopStatistics) {
        for index in 0..<8 { total.turns[index] += turns[index].current }
        total.busyMicroseconds += busyNanoseconds.current / 1000
        total.heldBytes += heldBytes.current
    }
}
