import COpenSSL
import Synchronization

/// The server's side of TLS over `BlockingSocket`s.
public final class BlockingTLSServer: Sendable {
    // Sendable: an SSL_CTX is not changed after init.
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let context: Context
    private let handshakes = Mutex((full: 0, resumed: 0, failed: 0, names: [String]()))

    public var fullHandshakes: Int { handshakes.withLock { $0.full } }
    public var resumedHandshakes: Int { handshakes.withLock { $0.resumed } }
    public var failedHandshakes: Int { handshakes.withLock { $0.failed } }
    /// What clients named by SNI, in the order of their handshakes; "": nothing.
    public var serverNames: [String] { handshakes.withLock { $0.names } }

    /// - Parameters:
    ///   - protocols: for ALPN; the first that the client offers is taken. None: no ALPN.
    ///   - clientAuthorityPEM: clients must show a certificate of this authority.
    public init(
        _ identity: CertificateAuthority.Identity, protocols: [String] = ["http/1.1"],
        clientAuthorityPEM: [UInt8]? = nil, isTLS12: Bool = false
    ) throws {
        guard let made = SSL_CTX_new(TLS_server_method()) else { throw StreamFailure.brokenTLS }
        context = Context(pointer: made)
        try Self.read(identity.certificatePEM) { bio in
            guard let leaf = PEM_read_bio_X509(bio, nil, nil, nil) else { return false }
            defer { X509_free(leaf) }
            return SSL_CTX_use_certificate(made, leaf) == 1
        }
        try Self.read(identity.privateKeyPEM) { bio in
            guard let key = PEM_read_bio_PrivateKey(bio, nil, nil, nil) else { return false }
            defer { EVP_PKEY_free(key) }
            return SSL_CTX_use_PrivateKey(made, key) == 1
        }
        let scope: [UInt8] = [1]
        SSL_CTX_set_session_id_context(made, scope, 1)
        if isTLS12 { SSL_CTX_ctrl(made, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil) }
        if let clientAuthorityPEM {
            try Self.read(clientAuthorityPEM) { bio in
                guard let authority = PEM_read_bio_X509(bio, nil, nil, nil) else { return false }
                defer { X509_free(authority) }
                return X509_STORE_add_cert(SSL_CTX_get_cert_store(made), authority) == 1
            }
            SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        guard let wanted = protocols.first else { return }
        precondition(wanted == "h2" || wanted == "http/1.1", "what the gateway may speak")
        SSL_CTX_set_alpn_select_cb(made, wanted == "h2" ? selectHTTP2 : selectHTTP1, nil)
    }

    deinit { SSL_CTX_free(context.pointer) }

    /// Shakes hands.
    ///
    /// - Throws: `brokenTLS` when that fails.
    public func accept(_ socket: BlockingSocket) throws(StreamFailure) -> BlockingTLS {
        guard let ssl = SSL_new(context.pointer) else { throw .brokenTLS }
        guard SSL_set_fd(ssl, socket.descriptor) == 1, SSL_accept(ssl) == 1 else {
            SSL_free(ssl)
            handshakes.withLock { $0.failed += 1 }
            throw .brokenTLS
        }
        let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) } ?? ""
        handshakes.withLock { handshakes in
            if SSL_session_reused(ssl) == 1 { handshakes.resumed += 1 } else { handshakes.full += 1 }
            handshakes.names.append(name)
        }
        return BlockingTLS(adopting: ssl, over: socket)
    }

    private static func read(_ pem: [UInt8], _ body: (OpaquePointer?) -> Bool) throws {
        let bio = BIO_new_mem_buf(pem, Int32(pem.count))
        defer { BIO_free(bio) }
        guard body(bio) else { throw StreamFailure.brokenTLS }
    }
}

private let selectHTTP2: SSL_CTX_alpn_select_cb_func = { _, selected, count, offered, offeredCount, _ in
    select("h2", selected, count, offered, offeredCount)
}

private let selectHTTP1: SSL_CTX_alpn_select_cb_func = { _, selected, count, offered, offeredCount, _ in
    select("http/1.1", selected, count, offered, offeredCount)
}

private func select(
    _ wanted: String, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ count: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32
) -> Int32 {
    guard let offered else { return SSL_TLSEXT_ERR_NOACK }
    var position = 0
    while position < Int(offeredCount) {
        let length = Int(offered[position])
        let name = UnsafeBufferPointer(start: offered + position + 1, count: length)
        if name.elementsEqual(wanted.utf8) {
            selected?.pointee = offered + position + 1
            count?.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        position += 1 + length
    }
    return SSL_TLSEXT_ERR_NOACK
}
