import COpenSSL

/// What every TLS connection to one backend has in common: whom to trust, who the endpoint must be, who we are. TLS 1.2 and
/// 1.3, AEAD ciphers only, no renegotiation; the endpoint's certificate is always verified (RFC 9110 §4.3.4, RFC 9525).
///
/// Reading the system's authorities takes milliseconds: make it off the loop.
public final class TLSClientContext: @unchecked Sendable {
    // Sendable: an SSL_CTX and a BIO_METHOD are not changed after init, and OpenSSL counts references to them atomically
    // (SSL_CTX_up_ref(3); openssl-threads(7)).
    public struct Settings: Sendable {
        /// SNI, and what the certificate must be valid for unless `acceptedNames` says otherwise.
        public var serverName: String
        /// DNS names of which the certificate must carry one. Empty: `serverName`.
        public var acceptedNames: [String] = []
        /// Nil: the system's.
        public var authoritiesPEM: [UInt8]?
        /// For endpoints that ask who we are: our certificate with its issuers, and its key.
        public var certificateChainPEM: [UInt8]?
        public var privateKeyPEM: [UInt8]?
        /// ALPN (RFC 7301): "h2" alone, or "http/1.1" alone.
        public var wantsHTTP2 = false

        public init(serverName: String) { self.serverName = serverName }
    }

    let context: OpaquePointer
    let socketMethod: OpaquePointer
    let serverName: String

    /// - Throws: what of the PEM cannot be used.
    public init(_ settings: Settings) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw .cannotCreateContext(TLSError.reason()) }
        guard let method = TLSSession.makeSocketMethod() else {
            SSL_CTX_free(context)
            throw .cannotCreateContext(TLSError.reason())
        }
        self.context = context
        socketMethod = method
        serverName = settings.serverName
        try configure(settings)
        try trust(settings.authoritiesPEM)
        try require(settings.acceptedNames.isEmpty ? [settings.serverName] : settings.acceptedNames)
        if let chain = settings.certificateChainPEM, let key = settings.privateKeyPEM {
            try TLSCredentials.use(certificateChainPEM: chain, in: context)
            try TLSCredentials.use(privateKeyPEM: key, in: context)
        }
    }

    deinit {
        SSL_CTX_free(context)
        BIO_meth_free(socketMethod)
    }

    private func configure(_ settings: Settings) throws(TLSError) {
        let modes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
        _ = gatehouse_ctx_set_mode(context, Int(modes))
        _ = gatehouse_ctx_clear_mode(context, Int(SSL_MODE_AUTO_RETRY))
        gatehouse_ctx_set_read_ahead(context, 1)
        // SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION: casts in macros (ssl.h).
        _ = SSL_CTX_set_options(context, 1 << 17 | 1 << 30)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        // SSL_SESS_CACHE_NO_INTERNAL, a combination in a macro: sessions belong to `TLSClientSessions`.
        _ = gatehouse_ctx_set_session_cache_mode(context, Int(SSL_SESS_CACHE_CLIENT) | 0x300)
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let ssl, let session, let owner = TLSSession.of(ssl)?.sessions else { return 0 }
            owner.keep(session)
            return 1
        }
        let protocols = Array((settings.wantsHTTP2 ? "\u{2}h2" : "\u{8}http/1.1").utf8)
        guard gatehouse_ctx_set_min_protocol(context, TLS1_2_VERSION) == 1,
            SSL_CTX_set_ciphersuites(
                context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
            SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1,
            SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0
        else { throw .cannotCreateContext(TLSError.reason()) }
    }

    private func trust(_ pem: [UInt8]?) throws(TLSError) {
        guard let pem else {
            guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw .cannotCreateContext(TLSError.reason()) }
            return
        }
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        let store = SSL_CTX_get_cert_store(context)
        var count = 0
        while let authority = PEM_read_bio_X509(bio, nil, nil, nil) {
            defer { X509_free(authority) }
            guard X509_STORE_add_cert(store, authority) == 1 else { throw .invalidCertificate(TLSError.reason()) }
            count += 1
        }
        let reason = TLSError.reason()
        guard count > 0 else { throw .invalidCertificate("no authority: \(reason)") }
        // What is named as trusted is trusted, be it an intermediate authority or the endpoint's own certificate.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    private func require(_ names: [String]) throws(TLSError) {
        let parameters = SSL_CTX_get0_param(context)
        X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        for name in names {
            guard !name.isEmpty, X509_VERIFY_PARAM_add1_host(parameters, name, name.utf8.count) == 1 else {
                throw .cannotCreateContext("\"\(name)\" is not a host name")
            }
        }
    }
}

/// One worker's TLS towards one endpoint: the context, and sessions to resume (RFC 8446 §2.2), which cost neither side a
/// signature. Confined to the worker.
public final class TLSClientSessions {
    private static let keptSessions = 4

    let context: TLSClientContext
    private var sessions: [OpaquePointer] = []

    public init(context: TLSClientContext) { self.context = context }

    deinit { for session in sessions { SSL_SESSION_free(session) } }

    fileprivate func keep(_ session: OpaquePointer) {
        if sessions.count == Self.keptSessions { SSL_SESSION_free(sessions.removeFirst()) }
        sessions.append(session)
    }

    /// Has `ssl` try to resume. A ticket of TLS 1.3 is used once (RFC 8446 §C.4).
    func resume(_ ssl: OpaquePointer) {
        guard let session = sessions.last else { return }
        _ = SSL_set_session(ssl, session)
        guard SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION else { return }
        sessions.removeLast()
        SSL_SESSION_free(session)
    }
}
