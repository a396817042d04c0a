import Synchronization

/// What is known now of the tokens that an issuer took back: written by who asks the issuer, read by every worker.
///
/// A worker looks at the list when it has changed since it last asked for that token; otherwise a request costs one load.
public final class RevocationSource: Sendable {
    private static let generations = Atomic<UInt64>(0)

    private let list: Mutex<RevocationList>
    private let changes = Atomic<UInt64>(RevocationSource.nextGeneration())

    public init(_ list: RevocationList = RevocationList()) { self.list = Mutex(list) }

    private static func nextGeneration() -> UInt64 {
        generations.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// Another one for each list of the process, so that what one source said is never taken for another's; never 0.
    public var generation: UInt64 { changes.load(ordering: .acquiring) }

    public func publish(_ next: RevocationList) {
        // The old one is freed behind the lock: workers wait for it.
        let old = list.withLock { list in
            let old = list
            list = next
            changes.store(Self.nextGeneration(), ordering: .releasing)
            return old
        }
        withExtendedLifetime(old) {}
    }

    /// - Returns: whether the token was taken back, and the generation of the list that says so.
    public func judge(_ token: VerifiedToken) -> (isRevoked: Bool, generation: UInt64) {
        list.withLock { ($0.revokes(token), changes.load(ordering: .relaxed)) }
    }
}
