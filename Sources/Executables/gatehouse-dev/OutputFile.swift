import Foundation
import Glibc

/// Files that appear whole or not at all, and never with more permissions than asked for.
enum OutputFile {
    static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure("cannot create the directory \(path): \(error.localizedDescription)")
        }
    }

    /// Writes beside the destination and renames, so that a reader never sees half a file.
    static func write(_ text: String, to path: String, mode: mode_t) throws {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("write", path) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        } catch {
            unlink(temporary)
            throw CommandFailure("cannot write \(path): \(error.localizedDescription)")
        }
        guard chmod(temporary, mode) == 0, rename(temporary, path) == 0 else {
            let failure = failure("write", path)
            unlink(temporary)
            throw failure
        }
    }

    private static func failure(_ verb: String, _ path: String) -> CommandFailure {
        CommandFailure("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
