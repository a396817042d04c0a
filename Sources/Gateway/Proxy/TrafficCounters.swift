import Synchronization

/// What was counted of the requests of one rule or one backend, summed over the workers.
public struct TrafficStatistics: Sendable, Equatable {
    /// Finished requests by how they ended.
    public var outcomes: [Outcome: UInt64] = [:]
    /// By the first digit of the status; 0: there was none, or for a backend none of its own.
    public var statuses: [UInt64] = Array(repeating: 0, count: 6)
    /// How many took at most `TrafficCounters.bounds[index]` microseconds, and longer than the one before; the last: all
    /// longer ones.
    public var durations: [UInt64] = Array(repeating: 0, count: TrafficCounters.bucketCount)
    public var totalMicroseconds: UInt64 = 0

    public init() {}

    /// The upper bounds of `durations` in microseconds, the last bucket's excepted, which has none.
    public static var durationBounds: [UInt64] { TrafficCounters.bounds }
}

/// What a set of counters is about.
public enum TrafficSubject: Sendable, Hashable {
    case rule(route: String, rule: String)
    case backend(String)
    /// All that came after the most sets that a worker keeps.
    case others
}

/// One worker's counters of the requests of one rule or one backend: written by the worker alone, read by anyone.
final class TrafficCounters: Sendable {
    static let bucketCount = 16
    /// Microseconds. Half a millisecond to ten seconds, which is what a gateway's objectives are about.
    static let bounds: [UInt64] = [
        250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ]

    let subject: TrafficSubject
    private let outcomes = InlineArray<64, WorkerCounters.Counter> { _ in WorkerCounters.Counter() }
    private let statuses = InlineArray<6, WorkerCounters.Counter> { _ in WorkerCounters.Counter() }
    private let durations = InlineArray<16, WorkerCounters.Counter> { _ in WorkerCounters.Counter() }
    private let totalMicroseconds = WorkerCounters.Counter()

    init(_ subject: TrafficSubject) { self.subject = subject }

    func finished(_ outcome: Outcome, status: UInt16, microseconds: UInt64) {
        outcomes[outcome.index].add()
        statuses[min(5, Int(status / 100))].add()
        durations[Self.bucket(microseconds)].add()
        totalMicroseconds.add(microseconds)
    }

    func add(to total: inout TrafficStatistics) {
        for outcome in Outcome.allCases {
            let count = outcomes[outcome.index].current
            if count > 0 { total.outcomes[outcome, default: 0] += count }
        }
        for index in 0..<6 { total.statuses[index] += statuses[index].current }
        for index in 0..<Self.bucketCount { total.durations[index] += durations[index].current }
        total.totalMicroseconds += totalMicroseconds.current
    }

    /// The same bounds as `bounds`, as comparisons with constants.
    private static func bucket(_ microseconds: UInt64) -> Int {
        switch microseconds {
        case ...250: 0
        case ...500: 1
        case ...1_000: 2
        case ...2_500: 3
        case ...5_000: 4
        case ...10_000: 5
        case ...25_000: 6
        case ...50_000: 7
        case ...100_000: 8
        case ...250_000: 9
        case ...500_000: 10
        case ...1_000_000: 11
        case ...2_500_000: 12
        case ...5_000_000: 13
        case ...10_000_000: 14
        default: 15
        }
    }
}

extension Outcome {
    /// Its place among the cases.
    var index: Int {
        // An enum without payloads is its tag, and tags count the cases in the order of their declaration
        // (docs/ABI/TypeLayout.rst of Swift); a test compares all of them.
        // lint: allow(unsafe): one byte for one byte, and no pointer
        Int(unsafeBitCast(self, to: UInt8.self))
    }
}
