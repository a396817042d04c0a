import GatewayTestSupport
import Reactor
import Synchronization

/// A small HTTP/1.1 server: each connection is one request, answered by what a test says.
final class ScriptedServer: Sendable {
    private let listener: BlockingListener
    private let thread = Mutex<WorkerThread?>(nil)
    private let seen = Mutex<[RawMessage]>([])

    var port: UInt16 { listener.port }
    var requests: [RawMessage] { seen.withLock { $0 } }

    /// - Parameter answer: a whole response; nil closes the connection without one.
    init(_ answer: @escaping @Sendable (RawMessage) -> String?) throws {
        listener = try BlockingListener()
        let thread = try WorkerThread(name: "server") { [listener, self] in
            while let socket = listener.accept(deadlineSeconds: 60) {
                // A client that goes away is the next test's business.
                guard let request = try? MessageReader(socket).request() else {
                    socket.close()
                    continue
                }
                seen.withLock { $0.append(request) }
                if let text = answer(request) { try? socket.send(Array(text.utf8)) }
                socket.close()
            }
        }
        self.thread.withLock { $0 = thread }
    }

    static func ok(_ body: String, fields: [String] = []) -> String {
        (["HTTP/1.1 200 OK", "content-length: \(body.utf8.count)", "connection: close"] + fields)
            .joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    func stop() {
        listener.close()
        thread.withLock { $0 }?.join()
    }
}
