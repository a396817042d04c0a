public import Reactor

/// The access log: one JSON object a line for each finished request.
///
/// Workers gather lines during a turn and hand them over at its end; a thread of its own writes them.
public final class AccessLog: Sendable {
    /// Nil: nothing is logged, and no line is made.
    private let sink: LogSink?

    /// - Parameter path: a file, appended to; "-" or "stdout" is standard output; "off" is no log at all.
    public init(path: String) throws(ReactorError) {
        sink = path == "off" ? nil : try LogSink(path: path == "stdout" ? "-" : path)
    }

    var isOff: Bool { sink == nil }

    /// Opens the file anew, after a log was rotated.
    public func reopen() { sink?.reopen() }

    /// Writes what is queued and ends. Afterwards lines are dropped.
    public func close() { sink?.close() }

    func append(_ lines: [UInt8], count: Int) { sink?.append(lines.span, count: count) }

    var droppedLines: Int { sink?.droppedLines ?? 0 }
}
