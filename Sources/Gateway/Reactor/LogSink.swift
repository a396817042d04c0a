import CLinux
import Glibc
import Synchronization

/// Where lines of a log go: written by a thread of its own, so that a slow disk or a full pipe never stops a worker.
///
/// The thread rests after each write, so that a busy gateway wakes it a hundred times a second and not in every turn
/// (measured: 0.5 µs of an HTTP/1.1 request); lines wait that long at most, or until `gatherBytes` of them are there.
///
/// Bounded: lines that find `capacityBytes` waiting are dropped and counted.
public final class LogSink: Sendable {
    public static let capacityBytes = 8 << 20

    private static let restMilliseconds: Int32 = 10
    private static let gatherBytes = 65_536
    /// The most memory that is used again.
    private static let keptBytes = 1 << 20

    private struct State {
        var pending: [UInt8] = []
        /// The writer looks for itself whether there is more.
        var isWriterAwake = false
        var isClosed = false
        var mustReopen = false
    }

    private let path: String
    private let state = Mutex(State())
    private let dropped = Atomic<Int>(0)
    private let wake: Descriptor
    private let thread = Mutex<WorkerThread?>(nil)

    /// - Parameter path: a file, appended to; "-" is standard output.
    public init(path: String) throws(ReactorError) {
        self.path = path
        let number = Int32(try Syscalls.retrying("eventfd") { Int(eventfd(0, Int32(EFD_CLOEXEC))) })
        wake = Descriptor(number)
        let first = try Self.open(path)
        let started = try WorkerThread(name: "gatehouse-log") { [self] in write(to: first) }
        thread.withLock { $0 = started }
    }

    /// Lines that did not fit since the start.
    public var droppedLines: Int { dropped.load(ordering: .relaxed) }

    /// Queues whole lines. Any thread; never blocks on the file.
    public func append(_ lines: Span<UInt8>, count: Int) {
        let accepted = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed, state.pending.count + lines.count <= Self.capacityBytes else {
                return (false, false)
            }
            let before = state.pending.count
            lines.withUnsafeBufferPointer { state.pending.append(contentsOf: $0) }
            let isMuch = before < Self.gatherBytes && state.pending.count >= Self.gatherBytes
            return (true, isMuch || before == 0 && !state.isWriterAwake)
        }
        if !accepted.0 { dropped.add(count, ordering: .relaxed) }
        if accepted.1 { signal() }
    }

    /// Opens the path anew before the next line, after a log was rotated.
    public func reopen() {
        state.withLock { $0.mustReopen = true }
        signal()
    }

    /// Writes what is queued and ends the thread.
    public func close() {
        state.withLock { $0.isClosed = true }
        signal()
        thread.withLock { $0.take() }?.join()
    }

    private func signal() {
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { Glibc.write(wake.number, $0.baseAddress, $0.count) }
    }

    private static func open(_ path: String) throws(ReactorError) -> Int32 {
        if path == "-" { return STDOUT_FILENO }
        return Int32(
            try Syscalls.retrying("open") {
                Int(Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640))
            })
    }

    private func write(to first: Int32) {
        var file = first
        var lines: [UInt8] = []
        while true {
            // The memory of what was written serves the next lines.
            lines.removeAll(keepingCapacity: lines.capacity <= Self.keptBytes)
            let (mustReopen, isClosed) = state.withLock { state in
                swap(&lines, &state.pending)
                state.isWriterAwake = !lines.isEmpty
                defer { state.mustReopen = false }
                return (state.mustReopen, state.isClosed)
            }
            writeAll(lines, to: file)
            if mustReopen, path != "-", let next = try? Self.open(path) {  // else the old file goes on
                Glibc.close(file)
                file = next
            }
            if isClosed {
                if file != STDOUT_FILENO { Glibc.close(file) }
                return
            }
            rest(forLines: !lines.isEmpty)
        }
    }

    /// Until there is something to do: after a write for a moment at least, unless much is there before.
    private func rest(forLines hadLines: Bool) {
        var waiting = pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, hadLines ? Self.restMilliseconds : -1) > 0 else { return }
        var counter: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &counter) { Glibc.read(wake.number, $0.baseAddress, $0.count) }
    }

    private func writeAll(_ bytes: [UInt8], to file: Int32) {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                // A log that cannot be written is lost; there is nowhere to say so but the log.
                guard let count = try? Syscalls.write(file, rest) else { return }
                offset += count
            }
        }
    }
}
