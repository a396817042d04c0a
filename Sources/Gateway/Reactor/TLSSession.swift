import COpenSSL
import Glibc

/// Ciphertext that the OpenSSL calls of one flush produced, shared by all sessions of a loop.
final class CipherBuffer {
    var bytes: [UInt8] = []
}

/// One connection's TLS state over a socket: OpenSSL reads straight from the socket, and writes into the loop's
/// `CipherBuffer`, so that all records of a flush leave in one send.
///
/// With read-ahead on, one receive takes whatever the kernel has; after a short one (`isDrained`) the socket is not asked
/// again in this turn, so no receive ends in EAGAIN.
final class TLSSession {
    enum Progress: Equatable { case done, wantsRead, ended, failed }

    private let ssl: OpaquePointer
    /// Held for its BIO method.
    private let context: AnyObject
    /// Ours is the client's side: where its sessions are kept.
    let sessions: TLSClientSessions?
    /// Why the handshake failed, or what the other side said when it refused us.
    private(set) var failure: String?
    /// The other side did not accept our certificate, or misses one.
    private(set) var isCertificateRefused = false
    fileprivate let cipher: CipherBuffer
    fileprivate let fd: Int32
    fileprivate var isDrained = false
    fileprivate var sawEnd = false
    /// The connection was reset: what came before was not the end.
    fileprivate var isLost = false
    /// Handshake messages that came after the handshake, and content since; see `isFlooded`.
    var messages = 0
    private(set) var contentBytes: UInt64 = 0

    init?(server context: TLSServerContext, fd: Int32, cipher: CipherBuffer) {
        guard let ssl = SSL_new(context.context), let bio = BIO_new(context.socketMethod) else { return nil }
        self.ssl = ssl
        self.context = context
        sessions = nil
        self.cipher = cipher
        self.fd = fd
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_bio(ssl, bio, bio)
        SSL_set_accept_state(ssl)
    }

    init?(client sessions: TLSClientSessions, fd: Int32, cipher: CipherBuffer) {
        let context = sessions.context
        guard let ssl = SSL_new(context.context), let bio = BIO_new(context.socketMethod) else { return nil }
        self.ssl = ssl
        self.context = context
        self.sessions = sessions
        self.cipher = cipher
        self.fd = fd
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_bio(ssl, bio, bio)
        SSL_set_connect_state(ssl)
        guard gatehouse_set_server_name(ssl, context.serverName) == 1 else { return nil }
        sessions.resume(ssl)
    }

    deinit {
        // Without this OpenSSL takes the session for broken, and it cannot be resumed.
        if sessions != nil && failure == nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// A turn's reading begins: the socket may have new bytes.
    func beginReading() { isDrained = false }

    /// Whether a read could bring something without the socket becoming ready again.
    var hasUnread: Bool { !isDrained || SSL_has_pending(ssl) == 1 }

    func handshake() -> Progress {
        Self.forgetErrors()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else { return progress(result) }
        messages = 0
        return .done
    }

    /// - Returns: the number of plaintext bytes, or why there are none.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, progress: Progress) {
        Self.forgetErrors()
        var count = 0
        let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
        if messages > 0 && isFlooded { return (0, .failed) }
        contentBytes &+= UInt64(count)
        return result == 1 ? (count, .done) : (0, progress(result))
    }

    /// Encrypts all of `bytes` into the cipher buffer.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset < bytes.count {
            Self.forgetErrors()
            var count = 0
            guard SSL_write_ex(ssl, bytes.baseAddress.unsafelyUnwrapped + offset, bytes.count - offset, &count) == 1
            else {
                return false
            }
            offset += count
        }
        return true
    }

    /// What another session left in the thread's queue would be taken for this one's (SSL_get_error(3)). Mostly there is
    /// nothing, and clearing nothing costs 390 instructions.
    private static func forgetErrors() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Puts close_notify (RFC 8446 §6.1) into the cipher buffer.
    func close() {
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    var negotiatedHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return length == 2
    }

    /// "TLSv1.3" and the like.
    var version: String { String(cString: SSL_get_version(ssl)) }

    /// Whether the handshake resumed an earlier session.
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    private func progress(_ result: Int32) -> Progress {
        let error = SSL_get_error(ssl, result)
        if error == SSL_ERROR_WANT_READ && !sawEnd { return .wantsRead }
        defer { ERR_clear_error() }
        if error == SSL_ERROR_ZERO_RETURN { return .ended }
        guard sessions != nil else {
            // A client that closes before it sent anything has failed at nothing.
            let hasBegun = SSL_get_state(ssl) != TLS_ST_BEFORE
            if SSL_in_init(ssl) == 1 && (hasBegun || !sawEnd) { failure = describeFailure() }
            return sawEnd && !isLost ? .ended : .failed
        }
        if failure == nil && (error == SSL_ERROR_SSL || SSL_in_init(ssl) == 1) {
            isCertificateRefused = Self.certificateAlerts.contains(ERR_GET_REASON(ERR_peek_error()))
            failure = describeFailure()
        }
        // A response that ends with the connection ends with close_notify, or it was cut (RFC 9112 §9.8).
        return .failed
    }

    /// The alerts of RFC 8446 §6.2 that say what is wrong with our certificate, as OpenSSL reports them (1000 + alert):
    /// handshake_failure, bad_certificate to certificate_unknown, unknown_ca, access_denied, certificate_required.
    private static let certificateAlerts: Set<Int32> = [1040, 1042, 1043, 1044, 1045, 1046, 1048, 1049, 1116]
}

// MARK: - The socket as OpenSSL sees it

extension TLSSession {
    /// A BIO whose source is a session's socket and whose sink is the loop's cipher buffer (BIO_meth_new(3)).
    static func makeSocketMethod() -> OpaquePointer? {
        guard let method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "gatehouse socket") else {
            return nil
        }
        BIO_meth_set_read(method) { bio, buffer, length in
            guard let bio, let session = TLSSession.of(bio: bio) else { return -1 }
            return session.receive(bio, UnsafeMutableRawBufferPointer(start: buffer, count: Int(length)))
        }
        BIO_meth_set_write(method) { bio, buffer, length in
            guard let bio, let session = TLSSession.of(bio: bio) else { return -1 }
            gatehouse_bio_clear_retry_flags(bio)
            session.cipher.bytes.append(contentsOf: UnsafeRawBufferPointer(start: buffer, count: Int(length)))
            return length
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        return method
    }

    private func describeFailure() -> String {
        let verification = SSL_get_verify_result(ssl)
        if verification != Int(X509_V_OK) {
            return "certificate: " + String(cString: X509_verify_cert_error_string(verification))
        }
        guard let reason = ERR_reason_error_string(ERR_peek_error()) else {
            return "the other side closed the connection"
        }
        return String(cString: reason)
    }

    /// The session that a callback's SSL belongs to.
    static func of(_ ssl: OpaquePointer) -> TLSSession? {
        guard let bio = SSL_get_rbio(ssl) else { return nil }
        return of(bio: bio)
    }

    /// The session outlives its BIO: `deinit` frees the SSL, which frees the BIO.
    private static func of(bio: OpaquePointer) -> TLSSession? {
        BIO_get_data(bio).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
    }

    private func receive(_ bio: OpaquePointer, _ buffer: UnsafeMutableRawBufferPointer) -> Int32 {
        gatehouse_bio_clear_retry_flags(bio)
        if isDrained {
            gatehouse_bio_set_retry_read(bio)
            return -1
        }
        let received: Int?
        do throws(ReactorError) {
            received = try Syscalls.receive(fd, buffer)
        } catch {
            sawEnd = true
            isLost = true
            return -1
        }
        guard let received else {
            isDrained = true
            gatehouse_bio_set_retry_read(bio)
            return -1
        }
        if received < buffer.count { isDrained = true }
        if received == 0 { sawEnd = true }
        return Int32(received)
    }
}
