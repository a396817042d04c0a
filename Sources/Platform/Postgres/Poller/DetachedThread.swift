import CLinux
import Glibc

/// A thread for what blocks: the poller's waiting, `PQcancel`, and the resolving of names.
///
/// Each connection has at most one such call at a time. One that is given up leaves its call behind until that returns,
/// so the threads are bounded by the connections, those given up lately included.
enum DetachedThread {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// The stack is small: libpq and `getaddrinfo` need little.
    private static let stackBytes = 256 << 10

    /// - Parameter name: at most 15 bytes, seen in `ps -L`.
    /// - Returns: whether the system gave a thread; if not, the body does not run.
    @discardableResult
    static func run(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let context = Unmanaged.passRetained(Body(name: name, run: body))
        // The thread inherits the mask: the process's signals are handled by the threads that were there before.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                // By the thread itself: a detached one may have ended before its maker could name it.
                _ = body.name.withCString { pthread_setname_np(pthread_self(), $0) }
                body.run()
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            return false
        }
        return true
    }
}
