/// Where a request stands in a distributed trace: W3C Trace Context, level 1 (W3C Recommendation of 23 November 2021).
///
/// A request that arrives is answered under ``continuing(traceparent:tracestate:)``; every request sent on its behalf
/// carries a ``child()`` of that. What is written is always version `00`; what is read may be any version but `ff`.
public struct TraceContext: Sendable, Hashable, CustomStringConvertible {
    public let traceID: TraceID
    public let spanID: SpanID

    /// Whether the caller may have recorded its part of the trace. Handed on as received.
    public let isSampled: Bool

    /// The value of `tracestate` to send, or `nil` for none.
    public let tracestate: String?

    init(traceID: TraceID, spanID: SpanID, isSampled: Bool, tracestate: String?) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.tracestate = tracestate
    }

    /// What was received, as it was received.
    ///
    /// - Parameters:
    ///   - traceparent: The value of the one `traceparent` field.
    ///   - tracestate: The values of all `tracestate` fields in order. Invalid ones are dropped whole, as §3.3.1.1 asks;
    ///     they do not make `traceparent` invalid.
    /// - Returns: `nil` when `traceparent` is invalid: not lower-case hexadecimal, an all-zero id, version `ff`, version
    ///   `00` with anything but 55 characters, or a later version that does not begin with the same four fields.
    public init?(traceparent: String, tracestate: [String] = []) {
        let bytes = Array(traceparent.utf8.prefix(56))
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Hexadecimal.value(bytes[0..<2]), version != 0xff,
            let high = Hexadecimal.value(bytes[3..<19]), let low = Hexadecimal.value(bytes[19..<35]),
            let parent = Hexadecimal.value(bytes[36..<52]), let flags = Hexadecimal.value(bytes[53..<55]),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(parent)
        else { return nil }
        if bytes.count > 55 {
            guard version != 0, bytes[55] == dash else { return nil }
        }
        self.init(
            traceID: traceID, spanID: spanID, isSampled: flags & 1 == 1, tracestate: TraceState.normalized(tracestate))
    }

    /// A new trace.
    public static func root(sampled: Bool = true) -> TraceContext {
        var generator = SystemRandomNumberGenerator()
        return root(sampled: sampled, using: &generator)
    }

    static func root(sampled: Bool, using generator: inout some RandomNumberGenerator) -> TraceContext {
        TraceContext(
            traceID: .random(using: &generator), spanID: .random(using: &generator), isSampled: sampled,
            tracestate: nil)
    }

    /// The context to answer a request under: a child of what it carried, or a new trace when it carried nothing valid.
    ///
    /// - Parameters:
    ///   - traceparent: All values of the request's `traceparent` fields; more than one is invalid.
    ///   - tracestate: All values of its `tracestate` fields in order.
    public static func continuing(traceparent: [String], tracestate: [String]) -> TraceContext {
        guard traceparent.count == 1,
            let received = TraceContext(traceparent: traceparent[0], tracestate: tracestate)
        else { return root() }
        return received.child()
    }

    /// The same trace under a new span id.
    public func child() -> TraceContext {
        var generator = SystemRandomNumberGenerator()
        return TraceContext(
            traceID: traceID, spanID: .random(using: &generator), isSampled: isSampled, tracestate: tracestate)
    }

    /// The value of `traceparent` to send.
    public var traceparent: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(55)
        bytes.append(contentsOf: "00-".utf8)
        traceID.append(to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        spanID.append(to: &bytes)
        bytes.append(contentsOf: isSampled ? "-01".utf8 : "-00".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }

    public var description: String { traceparent }
}
