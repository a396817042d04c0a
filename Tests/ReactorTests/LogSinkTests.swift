import Foundation
import GatewayTestSupport
import Testing

@testable import Reactor

@Suite(.serialized, .timeLimit(.minutes(2))) final class LogSinkTests {
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "gatehouse-log-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }  // a leftover in /tmp harms nobody

    private func path(_ name: String) -> String { directory.appending(path: name).path }
    private func text(_ name: String) -> String { (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? "" }
    private func lines(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `writes everything before close returns`() throws {
        let sink = try LogSink(path: path("access.log"))
        for number in 0..<10_000 { sink.append(lines("line \(number)\n").span, count: 1) }
        sink.close()
        let written = text("access.log").split(separator: "\n")
        #expect(written.count == 10_000)
        #expect(written.first == "line 0")
        #expect(written.last == "line 9999")
        #expect(sink.droppedLines == 0)
    }

    @Test func `appends to a file that is there`() throws {
        try "before\n".write(toFile: path("access.log"), atomically: true, encoding: .utf8)
        let sink = try LogSink(path: path("access.log"))
        sink.append(lines("after\n").span, count: 1)
        sink.close()
        #expect(text("access.log") == "before\nafter\n")
    }

    @Test func `goes on in a new file after the old one was moved away`() throws {
        let sink = try LogSink(path: path("access.log"))
        sink.append(lines("old\n").span, count: 1)
        #expect(eventually { text("access.log") == "old\n" })
        try FileManager.default.moveItem(atPath: path("access.log"), toPath: path("access.log.1"))
        sink.reopen()
        #expect(eventually { FileManager.default.fileExists(atPath: path("access.log")) })
        sink.append(lines("new\n").span, count: 1)
        sink.close()
        #expect(text("access.log.1") == "old\n")
        #expect(text("access.log") == "new\n")
    }

    @Test func `keeps the old file when the path cannot be opened again`() throws {
        let inside = directory.appending(path: "rotated")
        try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
        let sink = try LogSink(path: inside.appending(path: "access.log").path)
        try FileManager.default.moveItem(at: inside, to: directory.appending(path: "moved"))
        sink.reopen()
        sink.append(lines("still here\n").span, count: 1)
        sink.close()
        #expect(text("moved/access.log") == "still here\n")
    }

    @Test func `drops and counts lines that find the queue full`() throws {
        let pipe = path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let sink = try LogSink(path: pipe)
        // Nobody reads the pipe, so after its 64 KB and one queue's worth that the writer took, the rest does not fit.
        let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        var offered = 0
        while sink.droppedLines == 0 && offered < 100 {
            sink.append(block.span, count: 7)
            offered += 1
        }
        #expect(sink.droppedLines == 7)
        #expect(offered >= LogSink.capacityBytes >> 20)
        // The writer is let go: it reads its way to the end.
        let flags = fcntl(reader, F_GETFL)
        _ = fcntl(reader, F_SETFL, flags & ~O_NONBLOCK)
        let drained = try WorkerThread(name: "reader") {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while read(reader, &buffer, buffer.count) > 0 {}
        }
        sink.close()
        drained.join()
    }

    @Test func `drops lines after close`() throws {
        let sink = try LogSink(path: path("access.log"))
        sink.close()
        sink.append(lines("late\n").span, count: 3)
        #expect(sink.droppedLines == 3)
        #expect(text("access.log").isEmpty)
        sink.close()
    }

    @Test func `says why a file cannot be opened`() {
        #expect(throws: ReactorError.system(call: "open", errno: ENOENT)) {
            try LogSink(path: path("no/such/folder/access.log"))
        }
    }
}
