import COpenSSL

/// Issues certificates with P-256 keys, as good or as bad as a test wants them. For one thread.
public final class CertificateAuthority {
    /// A certificate and its key, as PEM.
    public struct Identity: Sendable {
        public let certificatePEM: [UInt8]
        public let privateKeyPEM: [UInt8]
    }

    public struct CannotMake: Error {}

    private let key: OpaquePointer
    private let certificate: OpaquePointer
    public let certificatePEM: [UInt8]

    public init(name: String = "Gatehouse Test Authority") throws {
        key = try Self.makeKey()
        certificate = try Self.makeCertificate(
            subject: name, issuer: nil, key: key, signer: key, lifetime: -3600...86_400,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
        certificatePEM = try Self.pem { [certificate] in PEM_write_bio_X509($0, certificate) }
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// - Parameters:
    ///   - names: the DNS names it is valid for.
    ///   - lifetime: seconds from now.
    public func issue(names: [String], lifetime: ClosedRange<Int> = -3600...86_400) throws -> Identity {
        let own = try Self.makeKey()
        defer { EVP_PKEY_free(own) }
        let made = try Self.makeCertificate(
            subject: names.first ?? "nobody", issuer: certificate, key: own, signer: key, lifetime: lifetime,
            extensions: [(NID_subject_alt_name, names.map { "DNS:\($0)" }.joined(separator: ","))])
        defer { X509_free(made) }
        return Identity(
            certificatePEM: try Self.pem { PEM_write_bio_X509($0, made) },
            privateKeyPEM: try Self.pem { PEM_write_bio_PrivateKey($0, own, nil, nil, 0, nil, nil) })
    }

    private static func makeKey() throws -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw CannotMake() }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            EVP_PKEY_keygen(context, &key) == 1, let key
        else { throw CannotMake() }
        return key
    }

    private static func makeCertificate(
        subject: String, issuer: OpaquePointer?, key: OpaquePointer, signer: OpaquePointer, lifetime: ClosedRange<Int>,
        extensions: [(Int32, String)]
    ) throws -> OpaquePointer {
        guard let made = X509_new() else { throw CannotMake() }
        X509_set_version(made, 2)  // X.509 v3
        ASN1_INTEGER_set(X509_get_serialNumber(made), Int.random(in: 1...0xFFFF_FFFF))
        X509_gmtime_adj(X509_getm_notBefore(made), lifetime.lowerBound)
        X509_gmtime_adj(X509_getm_notAfter(made), lifetime.upperBound)
        X509_set_pubkey(made, key)
        let name = X509_get_subject_name(made)
        X509_NAME_add_entry_by_txt(name, "CN", 0x1001 /* MBSTRING_ASC */, subject, -1, -1, 0)
        X509_set_issuer_name(made, X509_get_subject_name(issuer ?? made))
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer ?? made, made, nil, nil, 0)
        for (kind, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, kind, value).map({ (made, $0) }) else {
                throw CannotMake()
            }
            X509_add_ext(made.0, made.1, -1)
            X509_EXTENSION_free(made.1)
        }
        guard X509_sign(made, signer, EVP_sha256()) > 0 else { throw CannotMake() }
        return made
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()), write(bio) == 1 else { throw CannotMake() }
        defer { BIO_free(bio) }
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
        guard BIO_read(bio, &bytes, Int32(bytes.count)) == bytes.count else { throw CannotMake() }
        return bytes
    }
}
