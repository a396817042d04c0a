import Testing

@testable import Telemetry

private let trace = "0af7651916cd43dd8448eb211c80319c"
private let span = "b7ad6b7169203331"

struct `A trace context` {
    @Test func `is read and written as it came`() throws {
        let context = try #require(TraceContext(traceparent: "00-\(trace)-\(span)-01", tracestate: ["a=1", "b@c=2 x"]))
        #expect(context.traceID.description == trace)
        #expect(context.spanID.description == span)
        #expect(context.isSampled)
        #expect(context.traceparent == "00-\(trace)-\(span)-01")
        #expect(context.tracestate == "a=1,b@c=2 x")
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-0", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-x",
        "00-\(trace)-\(span)-011", "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "00_\(trace)_\(span)_01",
        "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span.uppercased())-01", "0A-\(trace)-\(span)-01",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01", "00-\(trace)-\(span)-0G",
        "00-\(trace.dropLast())g-\(span)-01", " 00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01 ",
        "cc-\(trace)-\(span)-01.x",
        "00-\(trace.dropLast())\u{e9}-\(span)-01",
    ])
    func `is not read from`(traceparent: String) {
        #expect(TraceContext(traceparent: traceparent) == nil)
    }

    @Test(arguments: ["cc-\(trace)-\(span)-01", "01-\(trace)-\(span)-01-what-the-future-will-be-like"])
    func `is read from a future version and written as version 00`(traceparent: String) throws {
        let context = try #require(TraceContext(traceparent: traceparent))
        #expect(context.traceparent == "00-\(trace)-\(span)-01")
    }

    @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("fe", false), ("ff", true)])
    func `keeps only the sampled flag`(flags: String, isSampled: Bool) throws {
        let context = try #require(TraceContext(traceparent: "00-\(trace)-\(span)-\(flags)"))
        #expect(context.isSampled == isSampled)
        #expect(context.traceparent.hasSuffix(isSampled ? "-01" : "-00"))
    }

    @Test func `has children of the same trace with another span`() throws {
        let parent = try #require(TraceContext(traceparent: "00-\(trace)-\(span)-00", tracestate: ["a=1"]))
        let child = parent.child()
        #expect(child.traceID == parent.traceID && child.spanID != parent.spanID)
        #expect(child.tracestate == "a=1" && !child.isSampled)
    }

    @Test func `continues what a request carried`() {
        let continued = TraceContext.continuing(traceparent: ["00-\(trace)-\(span)-01"], tracestate: ["a=1"])
        #expect(continued.traceID.description == trace && continued.spanID.description != span)
        #expect(continued.tracestate == "a=1")
    }

    @Test(arguments: [[], ["nonsense"], ["00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01"]])
    func `begins anew without one valid traceparent`(traceparent: [String]) {
        let context = TraceContext.continuing(traceparent: traceparent, tracestate: ["a=1"])
        #expect(context.traceID.description != trace)
        #expect(context.tracestate == nil)
    }

    @Test func `never has an id of zeros`() {
        var generator = Zeros(first: 4)
        let context = TraceContext.root(sampled: true, using: &generator)
        #expect(context.traceID.description == "00000000000000010000000000000001")
        #expect(context.spanID.description == "0000000000000001")
    }

    @Test func `is the current one inside its request only`() {
        let context = TraceContext.root()
        RequestScope.$current.withValue(RequestScope(requestID: "r", trace: context)) {
            #expect(TraceContext.current == context)
        }
        #expect(TraceContext.current == nil)
    }
}

struct `A trace state` {
    @Test(arguments: [
        (["a=1"], "a=1"), ([" a=1 ,\t, b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), (["1t@sys=x"], "1t@sys=x"),
        (["a_-*/9=!~ x"], "a_-*/9=!~ x"),
        (["\(String(repeating: "a", count: 256))=1"], String(repeating: "a", count: 256) + "=1"),
    ])
    func `is handed on`(values: [String], expected: String) {
        #expect(TraceState.normalized(values) == expected)
    }

    @Test(arguments: [
        [], [""], [" , "], ["a"], ["a="], ["=1"], ["A=1"], ["1a=1"], ["a=1=2"], ["a b=1"], ["a=1,a=2"], ["a=1", "a=2"],
        ["a@=1"], ["@a=1"], ["a@1b=1"], ["a@b@c=1"], ["a=\u{e9}"], ["a=\u{7f}"], ["a=1\u{1}"],
        ["\(String(repeating: "a", count: 257))=1"], ["t@\(String(repeating: "s", count: 15))=1"],
        ["a=\(String(repeating: "v", count: 257))"], [(0...32).map { "k\($0)=1" }.joined(separator: ",")],
    ])
    func `is dropped whole when any of it is invalid`(values: [String]) {
        #expect(TraceState.normalized(values) == nil)
    }

    @Test func `loses long entries, then the last ones, to fit`() throws {
        let long = "long=" + String(repeating: "x", count: 200)
        let short = (0..<10).map { "k\($0)=" + String(repeating: "y", count: 60) }
        let kept = try #require(TraceState.normalized([([long] + short).joined(separator: ",")]))
        #expect(kept.utf8.count <= 512)
        #expect(kept == short.prefix(8).joined(separator: ","))
    }
}

/// Zeros first, then ones.
private struct Zeros: RandomNumberGenerator {
    var left: Int
    init(first: Int) { left = first }

    mutating func next() -> UInt64 {
        left -= 1
        return left >= 0 ? 0 : 1
    }
}
