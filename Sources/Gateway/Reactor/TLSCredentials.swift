import COpenSSL

/// Certificates and keys on their way from PEM into an `SSL_CTX`.
enum TLSCredentials {
    /// - Parameter pem: the own certificate first, then its issuers.
    static func use(certificateChainPEM pem: [UInt8], in context: OpaquePointer) throws(TLSError) {
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        guard let leaf = PEM_read_bio_X509_AUX(bio, nil, nil, nil) else { throw .invalidCertificate(TLSError.reason()) }
        defer { X509_free(leaf) }
        guard SSL_CTX_use_certificate(context, leaf) == 1 else { throw .invalidCertificate(TLSError.reason()) }
        while let issuer = PEM_read_bio_X509(bio, nil, nil, nil) {
            // `add0`: the context owns the certificate from here on.
            guard SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 0, UnsafeMutableRawPointer(issuer)) == 1 else {
                X509_free(issuer)
                throw .invalidCertificate(TLSError.reason())
            }
        }
        ERR_clear_error()  // the loop ends with "no start line", which is the end of the chain
    }

    /// - Parameter pem: not encrypted; the key of the certificate that is in use already.
    static func use(privateKeyPEM pem: [UInt8], in context: OpaquePointer) throws(TLSError) {
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        // A passphrase callback that refuses, or OpenSSL would ask on the terminal.
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw .invalidPrivateKey(TLSError.reason())
        }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw .keyDoesNotMatch
        }
    }
}

extension TLSError {
    /// What OpenSSL says of the last failed call of this thread.
    static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "unknown reason" }
        return String(cString: text)
    }
}
