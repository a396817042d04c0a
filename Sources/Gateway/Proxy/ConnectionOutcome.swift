import Policy
import Reactor
import Wire

/// Why the gateway gave up a client's connection. One name for each reason, in the access log and in the metrics; requests
/// that were under way have their own outcomes. A connection that ends in good order, or on which nothing came before the
/// client closed it (a probe of the port), has none.
public enum ConnectionOutcome: String, Sendable, CaseIterable {
    /// The PROXY header did not come in time.
    case proxyHeaderTimeout
    /// What came is not a PROXY header, or came from an address that may not send one.
    case proxyHeaderRefused
    /// The TLS handshake did not come to its end in time.
    case handshakeTimeout
    /// Client and gateway did not agree, or what came is not TLS.
    case handshakeFailed
    /// No request came after the connection was opened, or an HTTP/2 request whose head did not come to its end. HTTP/1.1
    /// is answered there, and logged as a request.
    case requestHeadTimeout
    /// The client took nothing of what it was sent.
    case writeTimeout
    /// The client had as many connections as it may have.
    case tooManyOfClient
    /// Closed to make room for others.
    case evicted
    /// Sent away for a flood of control frames or resets.
    case abusive

    /// Its place among the cases.
    var index: Int {
        switch self {
        case .proxyHeaderTimeout: 0
        case .proxyHeaderRefused: 1
        case .handshakeTimeout: 2
        case .handshakeFailed: 3
        case .requestHeadTimeout: 4
        case .writeTimeout: 5
        case .tooManyOfClient: 6
        case .evicted: 7
        case .abusive: 8
        }
    }
}

extension Worker {
    /// Lines about connections that a worker writes: an attack must not fill the disk. What is beyond is only counted.
    static let connectionLinesPerSecond = 20

    /// Counts a connection that is given up, and says so in the access log.
    ///
    /// - Parameters:
    ///   - since: when it was accepted, in monotonic nanoseconds.
    ///   - reason: more about it, in the words of OpenSSL.
    func gaveUp(
        _ outcome: ConnectionOutcome, at listener: OpenListener, client: String, since: UInt64, reason: String? = nil
    ) {
        counters.connectionEnded(outcome)
        guard isLogging, connectionLines.take(now: loop.now) else { return }
        var text: [UInt8] = []
        text.append(literal: ",\"event\":\"connection\",\"outcome\":\"")
        text.append(contentsOf: outcome.rawValue.utf8)
        text.append(literal: "\",\"duration_us\":")
        text.append(decimal: (loop.now - since) / 1000)
        text.append(literal: ",\"listener\":")
        text.append(jsonString: listener.settings.name)
        text.append(literal: ",\"client\":")
        text.append(jsonString: client)
        if let reason {
            text.append(literal: ",\"reason\":")
            text.append(jsonString: reason)
        }
        text.append(literal: "}\n")
        log(reserving: text.count + 64) { line, clock in
            line.append(literal: "{\"time\":\"")
            clock.write(loop.wallMilliseconds, into: &line)
            line.append(UInt8(ascii: "\""))
            line.append(bytes: text.span)
        }
    }
}
