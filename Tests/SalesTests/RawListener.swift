import Foundation
import Glibc
import Synchronization

/// A TCP port on 127.0.0.1 that says what it is told to, to see how the service copes: a warehouse gone wrong.
final class RawListener: Sendable {
    enum Behaviour: Sendable {
        /// Reads the request and sends these bytes, then closes the connection.
        case answer(String)
        /// Reads the request and lets these bytes drip, again and again, until the other side gives up.
        case endless(start: String, then: String)
        /// Accepts, and never says anything.
        case silence
    }

    let port: Int
    private let descriptor: CInt
    private let received = Mutex<[String]>([])

    init(_ behaviour: Behaviour) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { self.serve(behaviour) }
    }

    /// Everything that was sent to this port, a request an element.
    var requests: [String] { received.withLock { $0 } }

    /// Ends the port and every connection; must be called, because the serving thread keeps this object.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func serve(_ behaviour: Behaviour) {
        var silent: [CInt] = []
        while case let connection = accept(descriptor, nil, nil), connection >= 0 {
            switch behaviour {
            case .silence:
                silent.append(connection)
            case .answer(let text):
                readRequest(connection)
                _ = send(connection, text)
                end(connection)
            case .endless(let start, let next):
                readRequest(connection)
                var isOpen = send(connection, start)
                while isOpen, !isClosed(connection, afterMilliseconds: 10) { isOpen = send(connection, next) }
                end(connection)
            }
        }
        for connection in silent { end(connection) }
        close(descriptor)
    }

    /// Closing alone would not do: a child process that another test has just started may hold the descriptor, too.
    private func end(_ connection: CInt) {
        shutdown(connection, Int32(SHUT_RDWR))
        close(connection)
    }

    private func readRequest(_ connection: CInt) {
        var request: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while !request.suffix(4).elementsEqual("\r\n\r\n".utf8), request.count < 1 << 20 {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            request.append(contentsOf: buffer[..<count])
        }
        received.withLock { $0.append(String(decoding: request, as: UTF8.self)) }
    }

    /// Whether the other side ends the connection within this time; it has nothing else to say.
    private func isClosed(_ connection: CInt, afterMilliseconds timeout: CInt) -> Bool {
        var request = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, timeout) > 0
    }

    private func send(_ connection: CInt, _ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
