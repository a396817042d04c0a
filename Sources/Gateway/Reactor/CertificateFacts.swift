import COpenSSL
import Glibc

/// What a certificate says of itself, for those who watch over it.
public enum CertificateFacts {
    /// When the first certificate of a PEM text ends (RFC 5280 §4.1.2.5), in seconds since 1970; nil when there is none
    /// that can be read.
    public static func notAfterSeconds(_ pem: [UInt8]) -> Int64? {
        let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { BIO_free(bio) }
        guard let certificate = PEM_read_bio_X509_AUX(bio, nil, nil, nil) else {
            ERR_clear_error()
            return nil
        }
        defer { X509_free(certificate) }
        var time = tm()
        guard ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 else {
            ERR_clear_error()
            return nil
        }
        return Int64(timegm(&time))
    }
}
