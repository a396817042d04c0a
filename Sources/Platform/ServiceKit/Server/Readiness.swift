import Synchronization

/// How far the service is: not yet started, serving, or on its way out. Read by `/readyz` and by every request.
public final class Readiness: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Migrations are not done yet, or the database has lost its tables; requests are answered 503.
        case starting
        case ready
        /// A signal to stop has arrived; requests in flight and on open connections are still answered.
        case stopping
    }

    private let state: Mutex<Phase>

    public init(_ phase: Phase = .starting) { state = Mutex(phase) }

    public var phase: Phase { state.withLock { $0 } }

    /// A service that is stopping stays so.
    public func advance(to phase: Phase) {
        state.withLock { if $0 != .stopping { $0 = phase } }
    }
}
