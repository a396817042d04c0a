import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import Telemetry

struct `JSON log lines` {
    private func lines(level: Logger.Level = .trace, _ log: (Logger) -> Void) -> [String] {
        let captured = CapturedLines()
        log(Logger(label: "warehouse") { JSONLogHandler(label: $0, level: level, output: captured.output) })
        return captured.lines
    }

    private func parsed(_ log: (Logger) -> Void) throws -> [String: Any] {
        let line = try #require(lines(log).first)
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func `say when, how bad, who and what`() throws {
        let object = try parsed { $0.warning("stock is low") }
        #expect(object["level"] as? String == "warning")
        #expect(object["logger"] as? String == "warehouse")
        #expect(object["message"] as? String == "stock is low")
        #expect(object["source"] as? String == "TelemetryTests")
        #expect(object["metadata"] == nil)
        let time = try #require(object["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func `end with their only newline whatever they hold`() throws {
        let forged = "first\nsecond \"quoted\" \\ \u{0} \u{1b}[31m \u{7f} \t\r é 🧺"
        let lines = lines { $0.info("\(forged)", metadata: ["k\n": "\(forged)"]) }
        #expect(lines.count == 1)
        #expect(lines[0].utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        #expect(lines[0].hasSuffix("}\n"))
        #expect(lines[0].dropLast().utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        let object = try parsed { $0.info("\(forged)", metadata: ["k\n": "\(forged)"]) }
        #expect(object["message"] as? String == forged)
        #expect(object["metadata"] as? [String: String] == ["k\n": forged])
    }

    @Test func `carry the ids of the request they belong to`() throws {
        let trace = TraceContext.root()
        let object = try RequestScope.$current.withValue(RequestScope(requestID: "r-1", trace: trace)) {
            try parsed { $0.info("hello") }
        }
        #expect(object["request_id"] as? String == "r-1")
        #expect(object["trace_id"] as? String == trace.traceID.description)
        #expect(object["span_id"] as? String == trace.spanID.description)
    }

    @Test func `have no ids outside a request`() throws {
        let object = try parsed { $0.info("hello") }
        #expect(object["request_id"] == nil && object["trace_id"] == nil && object["span_id"] == nil)
    }

    @Test(arguments: ["authorization", "Proxy-Authorization", "DB_PASSWORD", "x-api-key", "set-cookie", "accessToken"])
    func `never hold a secret`(key: String) {
        let nested: Logger.Metadata = ["outer": ["list": ["a", .dictionary([key: "hunter2"])]], key: "hunter2"]
        let line = lines { $0.info("hello", metadata: nested) }.joined()
        #expect(!line.contains("hunter2"))
        #expect(line.contains("\"\(key)\":\"redacted\""))
    }

    @Test(arguments: ["Bearer abc.def.ghi", "basic dXNlcjpwYXNz"])
    func `never hold an HTTP credential under any key`(value: String) {
        #expect(!lines { $0.info("hello", metadata: ["header": "\(value)"]) }.joined().contains(value))
    }

    @Test func `prefer the event's metadata over the provider's over the logger's`() throws {
        let captured = CapturedLines()
        let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
        var logger = Logger(label: "x") {
            JSONLogHandler(label: $0, output: captured.output, metadataProvider: provider)
        }
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("hello", metadata: ["a": "event"])
        #expect(captured.lines[0].contains(#""metadata":{"a":"event","b":"provider","c":"logger"}"#))
    }

    @Test func `leave out what is below the level`() {
        #expect(lines(level: .warning) { $0.info("hello") }.isEmpty)
    }

    @Test func `have a bound`() throws {
        let long = String(repeating: "é", count: 40_000)
        var deep: Logger.Metadata.Value = "bottom"
        for _ in 0..<1000 { deep = ["d": deep] }
        let line = try #require(lines { $0.info("a\(long)", metadata: ["deep": deep]) }.first)
        #expect(line.utf8.count < 17 * 1024)
        #expect(line.contains("é…"))
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (Int64.min, "0000-01-01T00:00:00.000Z"), (Int64.max, "9999-12-31T23:59:59.999Z"),
    ])
    func `write RFC 3339 times`(milliseconds: Int64, text: String) {
        #expect(WallClockTime(milliseconds: milliseconds).text == text)
    }

    @Test func `agree with Foundation about a thousand random moments`() {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<1000 {
            let milliseconds = Int64.random(in: 0..<253_402_300_800) * 1000
            let date = Date(timeIntervalSince1970: Double(milliseconds / 1000))
            #expect(WallClockTime(milliseconds: milliseconds).text == date.formatted(format))
        }
    }
}

struct `A log output on a descriptor` {
    @Test(.timeLimit(.minutes(1))) func `keeps the lines of many tasks whole`() async throws {
        let ends = try connectedPair()
        let (readEnd, writeEnd) = (ends[0], ends[1])
        let output = LogOutput.descriptor(writeEnd)
        // The reader has a thread of its own, from before the first writer: these may block the whole cooperative pool.
        let (everything, received) = AsyncStream.makeStream(of: [UInt8].self)
        Thread.detachNewThread {
            received.yield(readAll(readEnd))
            received.finish()
        }
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<50 {
                        output(Array(repeating: UInt8(ascii: "a") + UInt8(task), count: 9000) + [UInt8(ascii: "\n")])
                    }
                }
            }
        }
        close(writeEnd)
        let lines = await everything.reduce([], +).split(separator: UInt8(ascii: "\n"))
        close(readEnd)
        #expect(lines.count == 400)
        #expect(lines.allSatisfy { $0.count == 9000 && Set($0).count == 1 })
    }

    @Test func `drops a line that cannot be written`() throws {
        // As our programs do; a broken pipe would end the process.
        signal(SIGPIPE, SIG_IGN)
        let ends = try connectedPair()
        close(ends[0])
        LogOutput.descriptor(ends[1])(Array("to nobody\n".utf8))
        close(ends[1])
        LogOutput.descriptor(-1)(Array("to nowhere\n".utf8))
    }

    @Test func `begins a line of its own after one that was cut`() throws {
        let ends = try connectedPair(flags: SOCK_NONBLOCK.rawValue)
        defer { for end in ends { close(end) } }
        let output = LogOutput.descriptor(ends[1])
        // Longer than the socket holds: given up after a second, half-way.
        output(Array(repeating: UInt8(ascii: "a"), count: 1 << 20) + [UInt8(ascii: "\n")])
        let beginning = readAll(ends[0])
        #expect(!beginning.isEmpty && beginning.allSatisfy { $0 == UInt8(ascii: "a") })
        for line in ["next\n", "last\n"] { output(Array(line.utf8)) }
        #expect(String(decoding: readAll(ends[0]), as: UTF8.self) == "\nnext\nlast\n")
    }
}

/// Not a pipe: a child process of another test would inherit its writing end and keep it open.
private func connectedPair(flags: UInt32 = 0) throws -> [CInt] {
    var ends: [CInt] = [0, 0]
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | flags
    try #require(socketpair(AF_UNIX, Int32(type), 0, &ends) == 0)
    return ends
}

private func readAll(_ descriptor: CInt) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
        all.append(contentsOf: buffer[..<count])
    }
    return all
}

private final class CapturedLines: Sendable {
    private let stored = Mutex<[String]>([])

    var output: LogOutput {
        LogOutput { line in self.stored.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
    }

    var lines: [String] { stored.withLock { $0 } }
}
