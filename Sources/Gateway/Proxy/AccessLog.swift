public import Reactor

/// The access log: one JSON object a line for each finished request.
///
/// Workers gather lines during a turn and hand them over at its end; a thread of its own writes them.
public final class AccessLog: Sendable {
    private let sink: LogSink

    /// - Parameter path: a file, appended to; "-" is standard output.
    public init(path: String) throws(ReactorError) { sink = try LogSink(path: path) }

    /// Opens the file anew, after a log was rotated.
    public func reopen() { sink.reopen() }

    /// Writes what is queued and ends. Afterwards lines are dropped.
    public func close() { sink.close() }

    func append(_ lines: [UInt8], count: Int) { sink.append(lines.span, count: count) }

    var droppedLines: Int { sink.droppedLines }
}
