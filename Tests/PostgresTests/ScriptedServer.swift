import Foundation
import Glibc
import Postgres
import Synchronization

/// A server on 127.0.0.1 that lets one client in, takes its statements, says bytes of our choice and closes the
/// connection: what a cut network looks like, which no real server does on demand.
final class ScriptedServer: Sendable {
    let configuration: PostgresConfiguration
    private let listener: CInt
    private let received = Mutex(0)

    /// How many statements (their syncs) have come.
    var statements: Int { received.withLock { $0 } }

    /// - Parameters:
    ///   - count: so many statements are waited for.
    ///   - farewell: is said then, before the connection is closed.
    init(after count: Int, says farewell: [UInt8]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
        var configuration = PostgresConfiguration(
            port: Int(UInt16(bigEndian: address.sin_port)), database: "none", user: "none")
        configuration.sslMode = .disable
        // The test's own limit is to be the first.
        configuration.statementTimeout = .zero
        self.configuration = configuration
        Thread.detachNewThread { self.serve(count, farewell) }
    }

    deinit { close(listener) }

    private func serve(_ count: Int, _ farewell: [UInt8]) {
        let connection = accept(listener, nil, nil)
        defer { close(connection) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // The start-up message has no type (ch. 55.7); the answers are AuthenticationOk and ReadyForQuery.
        guard readMessage(connection) else { return }
        say(Self.message("R", [0, 0, 0, 0]) + Self.message("Z", Array("I".utf8)), on: connection)
        while statements < count {
            var type: UInt8 = 0
            guard recv(connection, &type, 1, 0) == 1, readMessage(connection) else { return }
            if type == UInt8(ascii: "S") { received.withLock { $0 += 1 } }
        }
        say(farewell, on: connection)
    }

    /// Reads a length and what it counts.
    private func readMessage(_ connection: CInt) -> Bool {
        var head = [UInt8](repeating: 0, count: 4)
        guard recv(connection, &head, 4, Int32(MSG_WAITALL)) == 4 else { return false }
        let rest = head.reduce(0) { $0 << 8 | Int($1) } - 4
        var body = [UInt8](repeating: 0, count: max(rest, 1))
        return rest == 0 || recv(connection, &body, rest, Int32(MSG_WAITALL)) == rest
    }

    private func say(_ bytes: [UInt8], on connection: CInt) {
        _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    // MARK: - Words

    /// A message of the server (ch. 55.7).
    private static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(body.count + 4)
        return Array(String(type).utf8) + withUnsafeBytes(of: length.bigEndian) { Array($0) } + body
    }

    /// A NoticeResponse (`N`) or an ErrorResponse (`E`).
    static func notice(_ type: Character, _ severity: String, _ sqlState: String) -> [UInt8] {
        message(type, Array("S\(severity)\0V\(severity)\0C\(sqlState)\0Mwords\0\0".utf8))
    }

    /// What a statement that was prepared and executed is answered, without the ReadyForQuery of its sync.
    static let done =
        message("1", []) + message("2", []) + message("n", []) + message("C", Array("INSERT 0 1\0".utf8))
}
