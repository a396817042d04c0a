import CoreMetrics
import Synchronization

/// One series of a metric: what a swift-metrics handler writes and a scrape reads. No lock on either side; a scrape sees
/// each value whole, and values of different series may be of slightly different moments.
protocol Instrument: AnyObject, Sendable {
    func write(to text: inout ExpositionText, name: String, labels: LabelSet)
}

/// A floating-point number that several threads add to.
final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double {
        get { Double(bitPattern: bits.load(ordering: .relaxed)) }
        set { bits.store(newValue.bitPattern, ordering: .relaxed) }
    }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// A count of events. Negative increments are ignored: a counter only goes up.
final class IntegerCounter: Instrument, CounterHandler {
    private let count = Atomic<UInt64>(0)

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }

    func write(to text: inout ExpositionText, name: String, labels: LabelSet) {
        text.sample(name, labels, count.load(ordering: .relaxed))
    }
}

/// A sum of amounts. Amounts that are negative or not a number are ignored.
final class AmountCounter: Instrument, FloatingPointCounterHandler {
    private let sum = AtomicDouble()

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        sum.add(amount)
    }

    func reset() {
        sum.value = 0
    }

    func write(to text: inout ExpositionText, name: String, labels: LabelSet) {
        text.sample(name, labels, sum.value)
    }
}

/// A value that goes up and down.
final class Gauge: Instrument, MeterHandler, RecorderHandler {
    private let current = AtomicDouble()

    func set(_ value: Int64) { current.value = Double(value) }
    func set(_ value: Double) { current.value = value }
    func increment(by amount: Double) { current.add(amount) }
    func decrement(by amount: Double) { current.add(-amount) }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    func write(to text: inout ExpositionText, name: String, labels: LabelSet) {
        text.sample(name, labels, current.value)
    }
}

/// A distribution over fixed buckets. `_count` is the sum of the buckets, so a scrape never contradicts itself.
final class Histogram: Instrument, RecorderHandler, TimerHandler {
    private let bounds: [Double]
    private let buckets: [IntegerCell]
    private let sum = AtomicDouble()

    /// - Parameter bounds: The upper bounds, finite and strictly increasing; the bucket of everything above is added.
    init(bounds: [Double]) {
        self.bounds = bounds
        self.buckets = (0...bounds.count).map { _ in IntegerCell() }
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        buckets[index].count.wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    /// Timers are exported in seconds, whatever unit they were measured in.
    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1e9)
    }

    func write(to text: inout ExpositionText, name: String, labels: LabelSet) {
        var cumulative: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            cumulative &+= bucket.count.load(ordering: .relaxed)
            text.bucket(name, labels, upTo: index < bounds.count ? bounds[index] : .infinity, cumulative)
        }
        text.sample(name + "_sum", labels, sum.value)
        text.sample(name + "_count", labels, cumulative)
    }
}

/// An array cannot hold atomics themselves.
private final class IntegerCell: Sendable {
    let count = Atomic<UInt64>(0)
}
