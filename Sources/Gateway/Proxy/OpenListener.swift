import Reactor
import Wire

/// What makes a listener the same after its configuration changed: where it is bound.
struct ListenerKey: Hashable, Sendable {
    private let address: String
    private let port: UInt16
    /// Of several on ephemeral ports each is its own.
    private let name: String

    init(_ listener: Listener) {
        address = listener.address
        port = listener.port
        name = listener.port == 0 ? listener.name : ""
    }
}

/// A listener that is bound, on one worker. What it is called and serves may change with the configuration; the socket
/// stays.
final class OpenListener {
    /// As the configuration in force has it.
    var settings: Listener
    var socket: ListenSocket?
    /// Not nil: the configuration in force does not name it, and this is the last that did. Its connections end when they
    /// are idle, and their requests are served by it.
    private(set) var lastConfiguration: InstalledSnapshot?

    let counters: ListenerCounters

    init(_ settings: Listener, counters: ListenerCounters) {
        self.settings = settings
        self.counters = counters
    }

    func retire(last: InstalledSnapshot) {
        lastConfiguration = last
        socket?.close()
        socket = nil
    }
}

extension Preamble {
    /// Reads a PROXY header.
    init(proxyHeader bytes: Span<UInt8>) {
        let header: ProxyHeader?
        do throws(ProxyHeaderError) {
            header = try ProxyHeader.parse(bytes)
        } catch {
            self = .refused
            return
        }
        guard let header else {
            self = .incomplete
            return
        }
        switch header.source {
        case nil: self = .complete(count: header.byteCount, peer: nil)
        case .ipv4(let number, let port):
            self = .complete(count: header.byteCount, peer: SocketAddress(ipv4: number, port: port))
        case .ipv6(let high, let low, let port):
            self = .complete(count: header.byteCount, peer: SocketAddress(ipv6: high, low, port: port))
        case .text(let text, let port):
            do throws(ReactorError) {
                self = .complete(count: header.byteCount, peer: try SocketAddress(numeric: text, port: port))
            } catch {
                self = .refused
            }
        }
    }
}
