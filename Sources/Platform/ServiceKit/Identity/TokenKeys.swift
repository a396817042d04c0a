import Foundation
import Synchronization

/// The public keys of a service that issues tokens itself, so that it asks nobody for them.
///
/// Empty at first: until the first ``replace(json:)`` requests with a token are answered 503.
public final class TokenKeys: Sendable {
    private let state = Mutex<VersionedKeys?>(nil)

    public init() {}

    /// Takes a JWK set (RFC 7517); tokens of keys that are no longer in it fail from now on.
    ///
    /// - Throws: When it is none, or holds no usable key; the last one stays.
    public func replace(json: [UInt8]) async throws {
        let keys = try await KeySet(json: Data(json))
        state.withLock { $0 = VersionedKeys(keys: keys, generation: ($0?.generation ?? 0) + 1) }
    }
}

extension TokenKeys: KeySource {
    func current(now: Double) async -> VersionedKeys? { state.withLock { $0 } }

    var isLoaded: Bool { state.withLock { $0 != nil } }
}
