import COpenSSL
import Glibc
import Synchronization

/// TLS over a `BlockingSocket`: the client's side, which verifies nothing, or a side that has shaken hands already.
public final class BlockingTLS: ByteStream {
    // Sendable: an SSL may move between threads as long as one at a time uses it, which the mutex sees to.
    private struct Handle: @unchecked Sendable {
        let ssl: OpaquePointer
    }

    public let socket: BlockingSocket
    private let handle: Mutex<Handle>

    /// - Parameters:
    ///   - protocols: for ALPN, the most wanted first; none: no ALPN.
    ///   - serverName: for SNI; nil: none.
    ///   - session: of an earlier connection, to be resumed.
    /// - Throws: `brokenTLS` when the handshake fails.
    public init(
        over socket: BlockingSocket, protocols: [String] = [], serverName: String? = nil,
        resuming session: [UInt8]? = nil
    ) throws(StreamFailure) {
        self.socket = socket
        _ = Self.ignoresBrokenPipes
        guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else { throw .brokenTLS }
        SSL_CTX_free(context)  // the SSL keeps it
        handle = Mutex(Handle(ssl: ssl))
        let offered = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !offered.isEmpty { SSL_set_alpn_protos(ssl, offered, UInt32(offered.count)) }
        if let serverName { _ = gatehouse_set_server_name(ssl, serverName) }
        if let session {
            session.withUnsafeBufferPointer { bytes in
                var start = bytes.baseAddress
                let known = d2i_SSL_SESSION(nil, &start, bytes.count)
                SSL_set_session(ssl, known)
                SSL_SESSION_free(known)
            }
        }
        guard SSL_set_fd(ssl, socket.descriptor) == 1, SSL_connect(ssl) == 1 else { throw .brokenTLS }
    }

    init(adopting ssl: OpaquePointer, over socket: BlockingSocket) {
        _ = Self.ignoresBrokenPipes
        self.socket = socket
        handle = Mutex(Handle(ssl: ssl))
    }

    deinit { handle.withLock { SSL_free($0.ssl) } }

    /// OpenSSL writes without MSG_NOSIGNAL; a gateway that closes first would end the test process.
    private static let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// The common name of the certificate that the server showed.
    public var peerName: String {
        handle.withLock { handle in
            guard let certificate = SSL_get1_peer_certificate(handle.ssl) else { return "" }
            defer { X509_free(certificate) }
            var name = [CChar](repeating: 0, count: 256)
            X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, Int32(name.count))
            return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    public var negotiatedProtocol: String {
        handle.withLock { handle in
            var name: UnsafePointer<UInt8>?
            var length: UInt32 = 0
            SSL_get0_alpn_selected(handle.ssl, &name, &length)
            return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
        }
    }

    /// The session with its ticket, once something was received.
    public var session: [UInt8] {
        handle.withLock { handle in
            let session = SSL_get_session(handle.ssl)
            var bytes = [UInt8](repeating: 0, count: Int(max(0, i2d_SSL_SESSION(session, nil))))
            bytes.withUnsafeMutableBufferPointer { bytes in
                var start = bytes.baseAddress
                _ = i2d_SSL_SESSION(session, &start)
            }
            return bytes
        }
    }

    /// Whether the handshake resumed a session.
    public var isResumed: Bool { handle.withLock { SSL_session_reused($0.ssl) == 1 } }

    public func send(_ bytes: [UInt8]) throws(StreamFailure) {
        guard !bytes.isEmpty else { return }
        let result = handle.withLock { handle in
            ERR_clear_error()
            return SSL_write(handle.ssl, bytes, Int32(bytes.count))
        }
        guard result == bytes.count else { throw .brokenTLS }
    }

    public func receive() throws(StreamFailure) -> [UInt8] {
        let (bytes, error) = handle.withLock { handle -> ([UInt8], Int32) in
            ERR_clear_error()
            var result: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, initialized in
                result = SSL_read(handle.ssl, buffer.baseAddress, Int32(buffer.count))
                initialized = Int(max(0, result))
            }
            return (bytes, result > 0 ? SSL_ERROR_NONE : SSL_get_error(handle.ssl, result))
        }
        switch error {
        case SSL_ERROR_NONE, SSL_ERROR_ZERO_RETURN: return bytes
        case SSL_ERROR_WANT_READ: throw .timedOut
        default: throw .brokenTLS
        }
    }

    /// Has the next `send` carry a new key and the demand that the server changes its own (RFC 8446 §4.6.3).
    public func updateKeys() { handle.withLock { _ = SSL_key_update($0.ssl, SSL_KEY_UPDATE_REQUESTED) } }

    /// close_notify; the socket stays.
    public func sendGoodbye() { handle.withLock { _ = SSL_shutdown($0.ssl) } }
}
