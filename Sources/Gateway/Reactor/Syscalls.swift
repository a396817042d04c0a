import CLinux
import Glibc

/// Every system call of the data plane enters here: retry after EINTR and errno are handled once.
///
/// A call that would block returns nil; any other failure throws `ReactorError.system`.
enum Syscalls {
    static func retrying(_ name: StaticString, _ call: () -> Int) throws(ReactorError) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            if errno != EINTR { throw .system(call: name, errno: errno) }
        }
    }

    static func retryingUnlessBlocked(_ name: StaticString, _ call: () -> Int) throws(ReactorError) -> Int? {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code == EAGAIN || code == EWOULDBLOCK { return nil }
            if code != EINTR { throw .system(call: name, errno: code) }
        }
    }

    static func makeEpoll() throws(ReactorError) -> Descriptor {
        Descriptor(Int32(try retrying("epoll_create1") { Int(epoll_create1(Int32(EPOLL_CLOEXEC))) }))
    }

    static func makeEventDescriptor() throws(ReactorError) -> Descriptor {
        let flags = Int32(EFD_NONBLOCK | EFD_CLOEXEC)
        return Descriptor(Int32(try retrying("eventfd") { Int(eventfd(0, flags)) }))
    }

    static func control(_ epoll: Int32, _ operation: Int32, _ fd: Int32, _ interest: UInt32, _ data: UInt64)
        throws(ReactorError)
    {
        _ = try retrying("epoll_ctl") { Int(gatehouse_epoll_ctl(epoll, operation, fd, interest, data)) }
    }

    /// - Returns: 0 when a signal interrupted the wait.
    static func wait(_ epoll: Int32, _ events: UnsafeMutableBufferPointer<epoll_event>, milliseconds: Int32) -> Int {
        let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), milliseconds)
        return max(0, Int(count))
    }

    /// - Returns: 0 at the end of the stream, nil when nothing is there yet.
    static func receive(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(ReactorError) -> Int? {
        try retryingUnlessBlocked("recv") { recv(fd, buffer.baseAddress, buffer.count, 0) }
    }

    /// Looks at what is there and leaves it there (MSG_PEEK).
    static func peek(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(ReactorError) -> Int? {
        try retryingUnlessBlocked("recv") { recv(fd, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)) }
    }

    static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(ReactorError) -> Int? {
        try retryingUnlessBlocked("send") {
            Glibc.send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    static func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(ReactorError) -> Int {
        try retrying("write") { Glibc.write(fd, bytes.baseAddress, bytes.count) }
    }

    static func makeStreamSocket(_ family: Int32) throws(ReactorError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(Int32(try retrying("socket") { Int(socket(family, kind, 0)) }))
    }

    static func setOption(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(ReactorError) {
        var value = value
        _ = try retrying("setsockopt") {
            Int(setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size)))
        }
    }

    static func disableNagle(_ fd: Int32) throws(ReactorError) {
        try setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// SO_LINGER with no time: `close` sends RST (socket(7)). It cannot fail for a socket.
    static func resetOnClose(_ fd: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// The error a non-blocking connect ended with; 0: connected.
    static func pendingError(_ fd: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) == 0 ? value : errno
    }

    static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func wallMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// The one owner of a file descriptor.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}
