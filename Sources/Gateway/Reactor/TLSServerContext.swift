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

/// A certificate with its key, and the names of servers it is for.
public struct ServerCertificate: Sendable {
    /// The server's certificate first, then its issuers.
    public var chainPEM: [UInt8]
    /// Not encrypted.
    public var privateKeyPEM: [UInt8]
    /// "a.example.com" or "*.example.com" (one label, RFC 9525 §6.3); empty: the DNS names in the certificate.
    public var serverNames: [String]

    public init(chainPEM: [UInt8], privateKeyPEM: [UInt8], serverNames: [String] = []) {
        self.chainPEM = chainPEM
        self.privateKeyPEM = privateKeyPEM
        self.serverNames = serverNames
    }
}

/// The certificates of a listener, and the protocol settings every connection that is served with them gets: TLS 1.2 and
/// 1.3 (RFC 8446), AEAD ciphers only, no renegotiation, no compression, ALPN `h2` before `http/1.1`.
///
/// The client's SNI (RFC 6066 §3) chooses among them: an exact name, else a wildcard, else the first certificate.
public final class TLSServerContext: @unchecked Sendable {
    // Sendable: an SSL_CTX and a BIO_METHOD are not changed after init, and OpenSSL counts references to them atomically
    // (SSL_CTX_up_ref(3); openssl-threads(7)).
    let context: OpaquePointer
    let socketMethod: OpaquePointer
    /// Of the first certificate: OpenSSL asks the context that a handshake began with.
    private let ticketKeys: TLSTicketKeys
    /// All but the first.
    private var others: [OpaquePointer] = []
    private var exactNames: [String: OpaquePointer] = [:]
    /// By what follows the asterisk: ".example.com".
    private var wildcardNames: [String: OpaquePointer] = [:]

    /// One certificate for every name.
    public convenience init(certificateChainPEM: [UInt8], privateKeyPEM: [UInt8]) throws(TLSError) {
        try self.init(certificates: [
            ServerCertificate(chainPEM: certificateChainPEM, privateKeyPEM: privateKeyPEM)
        ])
    }

    /// - Parameter certificates: at least one; the first is for clients that name no server, or one that none is for.
    public init(certificates: [ServerCertificate]) throws(TLSError) {
        precondition(!certificates.isEmpty, "a TLS listener has a certificate")
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .cannotCreateContext(TLSError.reason()) }
        guard let method = TLSSession.makeSocketMethod() else {
            SSL_CTX_free(context)
            throw .cannotCreateContext(TLSError.reason())
        }
        self.context = context
        socketMethod = method
        ticketKeys = .of(certificate: certificates[0].chainPEM)
        try configure(context, certificates[0])
        guard certificates.count > 1 else { return }
        remember(certificates[0], context)
        for certificate in certificates.dropFirst() {
            guard let other = SSL_CTX_new(TLS_server_method()) else {
                throw .cannotCreateContext(TLSError.reason())
            }
            others.append(other)
            try configure(other, certificate)
            remember(certificate, other)
        }
        gatehouse_ctx_set_servername_callback(context, chooseCertificate, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        SSL_CTX_free(context)
        for other in others { SSL_CTX_free(other) }
        BIO_meth_free(socketMethod)
    }

    private func configure(_ context: OpaquePointer, _ certificate: ServerCertificate) throws(TLSError) {
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
            SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1,
            ticketKeys.use(in: context)
        else { throw .cannotCreateContext(TLSError.reason()) }
        SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
        TLSSession.countMessages(in: context)
        try TLSCredentials.use(certificateChainPEM: certificate.chainPEM, in: context)
        try TLSCredentials.use(privateKeyPEM: certificate.privateKeyPEM, in: context)
    }

    // MARK: - Names

    /// A name that several certificates are for is the first one's.
    private func remember(_ certificate: ServerCertificate, _ context: OpaquePointer) {
        let names = certificate.serverNames.isEmpty ? Self.names(in: context) : certificate.serverNames
        for name in names {
            let name = name.lowercased()
            if name.hasPrefix("*.") {
                let suffix = String(name.dropFirst())
                if wildcardNames[suffix] == nil { wildcardNames[suffix] = context }
            } else if exactNames[name] == nil {
                exactNames[name] = context
            }
        }
    }

    private static func names(in context: OpaquePointer) -> [String] {
        guard let certificate = SSL_CTX_get0_certificate(context) else { return [] }
        var names: [String] = []
        var index: Int32 = 0
        while true {
            var name = [CChar](repeating: 0, count: 256)
            let count = gatehouse_certificate_dns_name(certificate, index, &name, Int32(name.count))
            if count < 0 { return names }
            let bytes = name.prefix(Int(count)).map(UInt8.init(bitPattern:))
            if count > 0 { names.append(String(decoding: bytes, as: UTF8.self)) }
            index += 1
        }
    }

    fileprivate func context(for serverName: String) -> OpaquePointer? {
        let name = serverName.lowercased()
        if let exact = exactNames[name] { return exact }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcardNames[String(name[dot...])]
    }
}

/// Called by OpenSSL within a handshake, whose session holds the context (SSL_CTX_set_tlsext_servername_callback(3)).
private let chooseCertificate: gatehouse_servername_callback = { ssl, _, context in
    guard let ssl, let context, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_OK
    }
    let contexts = Unmanaged<TLSServerContext>.fromOpaque(context).takeUnretainedValue()
    if let chosen = contexts.context(for: String(cString: name)) { SSL_set_SSL_CTX(ssl, chosen) }
    return SSL_TLSEXT_ERR_OK
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
