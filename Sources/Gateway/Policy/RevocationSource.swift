import Synchronization

/// What is known now of the tokens that an issuer took back: written by who asks the issuer, read by every worker.
///
/// A worker looks at the list when it has changed since it last asked for that token; otherwise a request costs one load.
public final class RevocationSource: Sendable {
    private let list: Mutex<RevocationList>
    private let changes = Atomic<UInt64>(1)

    public init(_ list: RevocationList = RevocationList()) { self.list = Mutex(list) }

    /// Another one for each list; never 0.
    public var generation: UInt64 { changes.load(ordering: .acquiring) }

    public func publish(_ next: RevocationList) {
        list.withLock { list in
            list = next
            changes.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// - Returns: whether the token was taken back, and the generation of the list that says so.
    public func judge(_ token: VerifiedToken) -> (isRevoked: Bool, generation: UInt64) {
        list.withLock { ($0.revokes(token), changes.load(ordering: .relaxed)) }
    }
}
