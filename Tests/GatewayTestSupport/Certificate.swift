import Foundation

/// A self-signed P-256 certificate for "localhost", made once a process by the `openssl` command.
public struct Certificate: Sendable {
    public let certificatePEM: [UInt8]
    public let privateKeyPEM: [UInt8]

    public static let localhost = Result { try Certificate() }
    /// Another one, with another key.
    public static let other = Result { try Certificate() }

    public struct CannotMake: Error {}

    private init() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }  // a leftover in /tmp harms nobody
        let certificate = directory.appending(path: "certificate.pem")
        let key = directory.appending(path: "key.pem")
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/openssl")
        openssl.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", key.path, "-out", certificate.path,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw CannotMake() }
        certificatePEM = Array(try Data(contentsOf: certificate))
        privateKeyPEM = Array(try Data(contentsOf: key))
    }
}
