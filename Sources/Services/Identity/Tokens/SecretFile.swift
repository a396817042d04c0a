import Foundation

/// Reads the small files in which keys come.
enum SecretFile {
    /// No key is longer; a path that was mixed up with a disk image is refused early.
    static let maximumBytes = 65_536

    /// - Throws: ``SigningKeyError/unreadable(file:reason:)``.
    static func text(_ path: String) throws(SigningKeyError) -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            let reason = FileManager.default.fileExists(atPath: path) ? "cannot be read" : "there is no such file"
            throw .unreadable(file: path, reason: reason)
        }
        let data: Data
        do { data = try handle.read(upToCount: maximumBytes + 1) ?? Data() } catch {
            throw .unreadable(file: path, reason: "cannot be read")
        }
        guard data.count <= maximumBytes else { throw .unreadable(file: path, reason: "is too long to be a key") }
        return String(decoding: data, as: UTF8.self)
    }
}
