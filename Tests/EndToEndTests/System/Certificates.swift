import Foundation

/// A certificate authority and the gateway's certificate, made by openssl as `scripts/up` makes them.
struct Certificates: Sendable {
    /// What a client trusts.
    let authority: String
    let certificate: String
    let key: String

    private static let configuration = """
        [req]
        distinguished_name = name
        x509_extensions = authority
        prompt = no
        [name]
        CN = Gatehouse end-to-end tests
        [authority]
        basicConstraints = critical, CA:true, pathlen:0
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        [server]
        basicConstraints = critical, CA:false
        keyUsage = critical, digitalSignature
        extendedKeyUsage = serverAuth
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        subjectAltName = DNS:localhost, IP:127.0.0.1
        """

    /// Makes both in a folder. A second call keeps the authority and makes another certificate.
    static func make(in folder: String, serial: Int = 1) async throws -> Certificates {
        let settings = "\(folder)/openssl.cnf"
        let (authority, authorityKey) = ("\(folder)/ca.pem", "\(folder)/ca-key.pem")
        let (certificate, key) = ("\(folder)/server.pem", "\(folder)/server-key.pem")
        let request = "\(folder)/server.csr"
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-sha256", "-config", settings]
        if !FileManager.default.fileExists(atPath: authority) {
            try configuration.write(toFile: settings, atomically: true, encoding: .utf8)
            try await openssl(
                ["req", "-x509", "-days", "2"] + newKey + ["-keyout", authorityKey, "-out", authority], folder)
        }
        try await openssl(["req", "-new"] + newKey + ["-keyout", key, "-out", request], folder)
        try await openssl(
            [
                "x509", "-req", "-in", request, "-sha256", "-days", "2", "-set_serial", "\(serial)", "-CA", authority,
                "-CAkey", authorityKey, "-extfile", settings, "-extensions", "server", "-out", certificate,
            ], folder)
        return Certificates(authority: authority, certificate: certificate, key: key)
    }

    private static func openssl(_ arguments: [String], _ folder: String) async throws {
        _ = try await ChildProcess.run("/usr/bin/openssl", arguments, logs: folder)
    }
}
