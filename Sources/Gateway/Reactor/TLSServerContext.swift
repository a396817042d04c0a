import COpenSSL

/// Why a certificate or key could not be used. The texts of OpenSSL name neither keys nor their contents.
public enum TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotCreateContext(String)
    case invalidCertificate(String)
    case invalidPrivateKey(String)
    /// The key does not belong to the certificate.
    case keyDoesNotMatch

    public var description: String {
        switch self {
        case .cannotCreateContext(let reason): "cannot create a TLS context: \(reason)"
        case .invalidCertificate(let reason): "the certificate chain cannot be read: \(reason)"
        case .invalidPrivateKey(let reason): "the private key cannot be read: \(reason)"
        case .keyDoesNotMatch: "the private key does not belong to the certificate"
        }
    }
}

/// One certificate with its key, and the protocol settings every connection that is served with it gets: TLS 1.2 and
/// 1.3 (RFC 8446), AEAD ciphers only, no renegotiation, no compression, ALPN `h2` before `http/1.1`.
public final class TLSServerContext: @unchecked Sendable {
    // Sendable: an SSL_CTX and a BIO_METHOD are not changed after init, and OpenSSL counts references to them atomically
    // (SSL_CTX_up_ref(3); openssl-threads(7)).
    let context: OpaquePointer
    let socketMethod: OpaquePointer

    /// - Parameters:
    ///   - certificateChainPEM: the server's certificate first, then its issuers.
    ///   - privateKeyPEM: not encrypted.
    public init(certificateChainPEM: [UInt8], privateKeyPEM: [UInt8]) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .cannotCreateContext(Self.reason()) }
        guard let method = TLSSession.makeSocketMethod() else {
            SSL_CTX_free(context)
            throw .cannotCreateContext(Self.reason())
        }
        self.context = context
        socketMethod = method
        try configure()
        try useCertificate(certificateChainPEM)
        try useKey(privateKeyPEM)
    }

    deinit {
        SSL_CTX_free(context)
        BIO_meth_free(socketMethod)
    }

    private func configure() throws(TLSError) {
        let modes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
        _ = gatehouse_ctx_set_mode(context, Int(modes))
        _ = gatehouse_ctx_clear_mode(context, Int(SSL_MODE_AUTO_RETRY))
        gatehouse_ctx_set_read_ahead(context, 1)
        _ = SSL_CTX_set_options(context, TLSOptions.all)
        _ = gatehouse_ctx_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(context, 1)
        let scope: [UInt8] = Array("gatehouse".utf8)
        guard gatehouse_ctx_set_min_protocol(context, TLS1_2_VERSION) == 1,
            SSL_CTX_set_session_id_context(context, scope, UInt32(scope.count)) == 1,
            SSL_CTX_set_ciphersuites(
                context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
            SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1
        else { throw .cannotCreateContext(Self.reason()) }
        SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    }

    private func useCertificate(_ pem: [UInt8]) throws(TLSError) {
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        guard let leaf = PEM_read_bio_X509_AUX(bio, nil, nil, nil) else { throw .invalidCertificate(Self.reason()) }
        defer { X509_free(leaf) }
        guard SSL_CTX_use_certificate(context, leaf) == 1 else { throw .invalidCertificate(Self.reason()) }
        while let issuer = PEM_read_bio_X509(bio, nil, nil, nil) {
            // `add0`: the context owns the certificate from here on.
            guard SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 0, UnsafeMutableRawPointer(issuer)) == 1 else {
                X509_free(issuer)
                throw .invalidCertificate(Self.reason())
            }
        }
        ERR_clear_error()  // the loop ends with "no start line", which is the end of the chain
    }

    private func useKey(_ pem: [UInt8]) throws(TLSError) {
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        // A passphrase callback that refuses, or OpenSSL would ask on the terminal.
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw .invalidPrivateKey(Self.reason())
        }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw .keyDoesNotMatch
        }
    }

    private static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "unknown reason" }
        return String(cString: text)
    }
}

private enum TLSOptions {
    /// SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION, SSL_OP_IGNORE_UNEXPECTED_EOF, SSL_OP_CIPHER_SERVER_PREFERENCE and
    /// SSL_OP_PRIORITIZE_CHACHA: casts in macros, which Swift does not import (ssl.h of OpenSSL 3.0).
    static let all: UInt64 = 1 << 17 | 1 << 30 | 1 << 7 | 1 << 22 | 1 << 21
}

/// RFC 7301 §3.2: of the client's protocols the one we prefer; none in common ends the handshake with an alert.
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, selected, selectedLength, offered, offeredLength, _ in
    guard let offered, let selected, let selectedLength else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let list = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    var http1: Int?
    var position = 0
    while position < list.count {
        let length = Int(list[position])
        guard length > 0, position + 1 + length <= list.count else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let name = list[position + 1..<position + 1 + length]
        if name.elementsEqual("h2".utf8) {
            selected.pointee = offered + position + 1
            selectedLength.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        if name.elementsEqual("http/1.1".utf8) { http1 = position }
        position += 1 + length
    }
    guard let http1 else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    selected.pointee = offered + http1 + 1
    selectedLength.pointee = 8
    return SSL_TLSEXT_ERR_OK
}
