import Glibc
import Synchronization

/// Where finished log lines go.
///
/// A line arrives whole, newline included, and is written whole: lines of one process never interleave, whichever thread
/// they come from. Lines up to `PIPE_BUF` (4,096 bytes) do not interleave with those of another process on the same pipe
/// either (POSIX `write`).
///
/// Writing blocks while the reader of a pipe does not read. A line that cannot be written (closed descriptor, broken
/// pipe, a non-blocking descriptor that stays full for one second) is dropped: logging never ends a program that ignores
/// SIGPIPE, as ours do. What comes after a line that was cut begins on a line of its own.
public struct LogOutput: Sendable {
    private let write: @Sendable ([UInt8]) -> Void

    /// An output that hands each line to `write`, possibly from several threads at once.
    public init(_ write: @escaping @Sendable ([UInt8]) -> Void) {
        self.write = write
    }

    /// File descriptor 1.
    public static let standardOutput = descriptor(STDOUT_FILENO)

    /// File descriptor 2.
    public static let standardError = descriptor(STDERR_FILENO)

    /// An output on a file descriptor that stays open, and is owned by the caller, for as long as the output is in use.
    public static func descriptor(_ descriptor: CInt) -> LogOutput {
        let sink = DescriptorSink(descriptor)
        return LogOutput { line in sink.write(line) }
    }

    func callAsFunction(_ line: [UInt8]) {
        write(line)
    }
}

/// One file descriptor and the lock that keeps its lines apart.
private final class DescriptorSink: Sendable {
    private let descriptor: CInt
    /// Held while a line is written; whether the last one was given up half-way.
    private let isCut = Mutex(false)

    init(_ descriptor: CInt) {
        self.descriptor = descriptor
    }

    func write(_ line: [UInt8]) {
        isCut.withLock { isCut in
            if isCut {
                guard writeAll([UInt8(ascii: "\n")]) == 1 else { return }
                isCut = false
            }
            let written = writeAll(line)
            isCut = written > 0 && written < line.count
        }
    }

    /// - Returns: how much of it could be written.
    private func writeAll(_ bytes: [UInt8]) -> Int {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count > 0 {
                written += count
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN, isWritable(descriptor) {
                continue
            } else {
                break
            }
        }
        return written
    }

    private func isWritable(_ descriptor: CInt) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, 1000) == 1 && request.revents & Int16(POLLOUT) != 0
    }
}
