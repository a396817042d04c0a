import CPostgres
import Logging

/// The owner of libpq's connection. Confined to the lock of its `PipelinedConnection`.
final class ConnectionHandle {
    let raw: OpaquePointer
    private let notices: Unmanaged<NoticeLog>

    /// Begins to connect, without blocking (`PQconnectStartParams`, ch. 34.1.1): host names must be resolved before.
    ///
    /// Nil if libpq has no memory.
    init?(parameters: [(String, String)], logger: Logger) {
        var text: [CChar] = []
        var places: [(name: Int, value: Int)] = []
        for (name, value) in parameters {
            let start = text.count
            text.append(contentsOf: name.utf8CString)
            places.append((start, text.count))
            text.append(contentsOf: value.utf8CString)
        }
        let handle: OpaquePointer? = text.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress else { return nil }
            var names: [UnsafePointer<CChar>?] = []
            var values: [UnsafePointer<CChar>?] = []
            for place in places {
                names.append(start + place.name)
                values.append(start + place.value)
            }
            names.append(nil)
            values.append(nil)
            return PQconnectStartParams(names, values, 0)
        }
        guard let handle else { return nil }
        raw = handle
        notices = Unmanaged.passRetained(NoticeLog(logger: logger))
        PQsetNoticeReceiver(raw, { NoticeLog.receive($0, $1) }, notices.toOpaque())
    }

    deinit {
        PQfinish(raw)
        notices.release()
    }

    /// -1 when there is none (any more).
    var descriptor: Int32 { PQsocket(raw) }
    var isBroken: Bool { PQstatus(raw) == CONNECTION_BAD }

    /// Whether the server is in no transaction and libpq waits for nothing.
    var isIdle: Bool { PQtransactionStatus(raw) == PQTRANS_IDLE }

    var error: PostgresError { PostgresError(connection: raw) }
}

/// Where the server's notices go: the log (libpq ch. 34.13). Their text is the server's, or what a function of the schema
/// raises: it must not raise what must not be logged.
private final class NoticeLog {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    static func receive(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
        guard let context, let result else { return }
        Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().log(result)
    }

    private func log(_ result: OpaquePointer) {
        func field(_ code: Character) -> String {
            guard let ascii = code.asciiValue, let text = PQresultErrorField(result, Int32(ascii)) else { return "" }
            return String(cString: text)
        }
        let severity = field("V")
        let level: Logger.Level =
            switch severity {
            case "WARNING": .warning
            case "ERROR", "FATAL", "PANIC": .warning
            default: .debug
            }
        logger.log(
            level: level, "notice of the database server",
            metadata: ["severity": "\(severity)", "sqlstate": "\(field("C"))", "notice": "\(field("M"))"])
    }
}

/// Asks the server to stop what a connection is executing (libpq ch. 34.7).
///
/// `@unchecked Sendable`: `PQcancel` may be called from any thread, and only reads the `PGcancel`.
final class Canceller: @unchecked Sendable {
    private let handle: OpaquePointer

    /// Nil if libpq has no memory.
    init?(_ connection: ConnectionHandle) {
        guard let handle = PQgetCancel(connection.raw) else { return nil }
        self.handle = handle
    }

    deinit { PQfreeCancel(handle) }

    /// Blocks until the server has taken the request and signalled its process. A failure is not reported: whether the
    /// statement ends is seen on its own connection, and has its own deadline.
    func cancel() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(handle, &message, Int32(message.count))
    }
}
