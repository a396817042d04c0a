import Foundation
import GatewayTestSupport
import Testing
import Wire

@testable import Proxy

/// W3C Trace Context, level 1.
@Suite struct TraceContextTests {
    private static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private func parse(_ text: String) -> TraceContext? { TraceContext(parsing: Array(text.utf8).span) }

    @Test func `a valid context is read`() {
        let expected = TraceContext(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c, isSampled: true)
        #expect(parse(Self.valid) == expected)
        #expect(parse(Self.valid.dropLast(2) + "00")?.isSampled == false)
        #expect(parse(Self.valid.dropLast(2) + "ff")?.isSampled == true)
        // §4.3: of a later version the known part.
        #expect(parse("01" + Self.valid.dropFirst(2)) == expected)
        #expect(parse("cc" + Self.valid.dropFirst(2) + "-more-of-it") == expected)
    }

    @Test(arguments: [
        "", "00", valid + "-00", valid + "0", "ff" + valid.dropFirst(2), valid.uppercased(),
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-101",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "cc" + valid.dropFirst(2) + "x",
    ])
    func `an invalid context is none`(text: String) {
        #expect(parse(text) == nil)
    }

    @Test func `what is written is what is read`() {
        var text: [UInt8] = []
        let context = TraceContext(high: 1, low: 0xffff_ffff_ffff_ffff, isSampled: false)
        text.append(reserving: 55) { context.write(span: 2, into: &$0) }
        #expect(String(decoding: text, as: UTF8.self) == "00-0000000000000001ffffffffffffffff-0000000000000002-00")
        #expect(TraceContext(parsing: text.span) == context)
    }
}

@Suite(.timeLimit(.minutes(2))) struct TraceForwardingTests {
    /// Sends a request with `fields`.
    ///
    /// - Returns: what the endpoint was told, and the trace id of the log line.
    private func exchange(
        _ fields: [String], tracedPerMillion: Int = 0
    ) async throws -> (parents: [String], states: [String], logged: String?) {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = Site(rules: [.init(path: "/", endpoints: [upstream.port])])
        site.limits.tracedPerMillion = tracedPerMillion
        let log = try await withGateway(site) { gateway in
            let answer = try gateway.get("/", fields: fields)
            #expect(answer.status == 200)
        }
        let request = try #require(upstream.requests.first)
        return (request.all("traceparent"), request.all("tracestate"), log.first?.traceID)
    }

    @Test func `a caller's trace is kept with a span of our own`() async throws {
        let id = "0af7651916cd43dd8448eb211c80319c"
        let told = try await exchange(["traceparent: 00-\(id)-b7ad6b7169203331-01", "tracestate: a=1,b=2"])
        let parent = try #require(told.parents.first)
        #expect(told.parents.count == 1)
        #expect(parent.hasPrefix("00-\(id)-") && parent.hasSuffix("-01"))
        #expect(!parent.contains("b7ad6b7169203331"))
        #expect(told.states == ["a=1,b=2"])
        #expect(told.logged == id)
    }

    @Test(arguments: [
        [], ["traceparent: 00-0-0-01", "tracestate: a=1"],
        [
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01", "tracestate: a=1",
        ],
    ])
    func `without one valid context a new trace begins`(fields: [String]) async throws {
        let told = try await exchange(fields)
        let parent = try #require(told.parents.first)
        #expect(told.parents.count == 1)
        #expect(told.states == [])
        #expect(TraceContext(parsing: Array(parent.utf8).span)?.isSampled == false)
        #expect(!parent.contains("0af7651916cd43dd"))
        #expect(told.logged.map { parent.contains($0) } == true)
    }

    @Test func `a new trace is sampled as the setting says`() async throws {
        #expect(try await exchange([], tracedPerMillion: 1_000_000).parents.first?.hasSuffix("-01") == true)
    }
}
