public import Logging

/// A swift-log handler that writes each event as one JSON object on one line.
///
/// Fields, in this order: `time` (RFC 3339 UTC, milliseconds), `level`, `logger`, `message`, then those that have a
/// value: `request_id`, `trace_id` and `span_id` (of ``RequestScope/current``), `error`, `metadata` (an object, keys
/// sorted), and `source` (the module that logged).
///
/// Metadata with the key of a secret, or holding an HTTP credential, is written as `redacted` (``Redaction`` has the
/// rule). Strings are cut at 16 KiB and metadata nests at most eight deep, so a line has a bound.
///
/// Of metadata with the same key, the event's wins over the metadata provider's, and that over the logger's.
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let output: LogOutput
    private static let maximumDepth = 8

    /// - Parameters:
    ///   - label: The logger's label, written as `logger`.
    ///   - level: Events below it are not written.
    ///   - output: Where lines go.
    ///   - metadataProvider: Metadata computed for each event.
    public init(
        label: String, level: Logger.Level = .info, output: LogOutput = .standardError,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.logLevel = level
        self.output = output
        self.metadataProvider = metadataProvider
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        output(line(for: event, at: .now(), in: .current))
    }

    func line(for event: LogEvent, at time: WallClockTime, in scope: RequestScope?) -> [UInt8] {
        var line = JSONLine()
        line.beginObject()
        line.field("time", time.text)
        line.field("level", event.level.rawValue)
        line.field("logger", label)
        line.field("message", event.message.description)
        if let scope {
            line.field("request_id", scope.requestID)
            line.field("trace_id", scope.trace.traceID.description)
            line.field("span_id", scope.trace.spanID.description)
        }
        if let error = event.error {
            line.field("error", String(describing: error))
        }
        let metadata = merged(with: event.metadata)
        if !metadata.isEmpty {
            line.key("metadata")
            append(metadata, to: &line, depth: 1)
        }
        line.field("source", event.source)
        line.endObject()
        line.endLine()
        return line.bytes
    }

    private func merged(with eventMetadata: Logger.Metadata?) -> Logger.Metadata {
        var merged = metadata
        if let provided = metadataProvider?.get(), !provided.isEmpty {
            merged.merge(provided) { _, provided in provided }
        }
        if let eventMetadata, !eventMetadata.isEmpty {
            merged.merge(eventMetadata) { _, event in event }
        }
        return merged
    }

    private func append(_ metadata: Logger.Metadata, to line: inout JSONLine, depth: Int) {
        line.beginObject()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line.key(key)
            if Redaction.isSecret(key: key) {
                line.text(Redaction.replacement)
            } else {
                append(value, to: &line, depth: depth + 1)
            }
        }
        line.endObject()
    }

    private func append(_ value: Logger.Metadata.Value, to line: inout JSONLine, depth: Int) {
        switch value {
        case .string(let text):
            append(text, to: &line)
        case .stringConvertible(let value):
            append(value.description, to: &line)
        case .dictionary, .array:
            guard depth <= Self.maximumDepth else { return line.text("…") }
            if case .dictionary(let dictionary) = value {
                append(dictionary, to: &line, depth: depth)
            } else if case .array(let values) = value {
                line.beginArray()
                for value in values {
                    append(value, to: &line, depth: depth + 1)
                }
                line.endArray()
            }
        }
    }

    private func append(_ text: String, to line: inout JSONLine) {
        line.text(Redaction.isSecret(value: text) ? Redaction.replacement : text)
    }
}
