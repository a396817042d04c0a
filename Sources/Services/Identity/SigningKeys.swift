import Foundation
import Logging
import Postgres
import ServiceKit
import Synchronization

/// The signing keys of all replicas, as this one knows them: rows of the database, read every ten seconds.
final class SigningKeys: Sendable {
    static let recheck = Duration.seconds(10)

    private struct State {
        var sealKey: SealKey?
        /// From a file; nil once it is among the rows.
        var imported: SigningKey?
        var ring: KeyRing?
        /// When the reading that gave the ring began.
        var readAt: ContinuousClock.Instant?
        /// The key set that the verifier was given last.
        var published: String?
    }

    private let store: Store
    private let database: PostgresPool
    private let settings: IdentitySettings
    private let published: TokenKeys
    private let state = Mutex(State())

    /// - Parameter published: Told about the keys whenever they were read: what this service's own verifier uses.
    init(store: Store, database: PostgresPool, settings: IdentitySettings, published: TokenKeys) {
        self.store = store
        self.database = database
        self.settings = settings
        self.published = published
    }

    /// Reads the key files that the settings name.
    ///
    /// - Throws: `SettingsError` that says which file is wrong, and how.
    func prepare() throws(SettingsError) {
        guard let sealKeyFile = settings.signingSealKeyFile else {
            throw SettingsError([
                "SIGNING_SEAL_KEY_FILE is required: the file with the key that seals signing keys, 32 bytes in base64"
            ])
        }
        let sealKey: SealKey
        do { sealKey = try SealKey(file: sealKeyFile) } catch {
            throw Self.unusable("SIGNING_SEAL_KEY_FILE", sealKeyFile, error)
        }
        var imported: SigningKey?
        if let keyFile = settings.signingKeyFile {
            do {
                imported = try SigningKey(pemFile: keyFile, algorithm: settings.signingAlgorithm)
            } catch {
                throw Self.unusable("SIGNING_KEY_FILE", keyFile, error)
            }
        }
        state.withLock { state in
            state.sealKey = sealKey
            state.imported = imported
        }
    }

    private static func unusable(_ variable: String, _ path: String, _ error: SigningKeyError) -> SettingsError {
        let reason = "\(error)"
        return SettingsError(["\(variable): " + (reason.hasPrefix(path) ? reason : "\(path): \(reason)")])
    }

    /// The keys as they were read last. They are read here only when they never were: in the background they are every ten
    /// seconds.
    ///
    /// - Throws: ``Refusal/keysMissing``, or why the first reading failed. To be called outside of transactions: it takes
    ///   a connection of its own.
    func ring() async throws -> KeyRing {
        // While the database is away the last keys are better than none, and nobody waits for it.
        if let known = state.withLock({ $0.ring }) { return known }
        try await read()
        guard let ring = state.withLock({ $0.ring }) else { throw Refusal.keysMissing }
        return ring
    }

    /// Reads the rows, and makes or imports a key when it is time.
    func read() async throws {
        let readAt = ContinuousClock.now
        var keys = try await store.keys(in: database)
        var now = try await store.now(in: database)
        if isDue(keys, now: now) {
            try await database.withTransaction { transaction in
                try await store.lockKeys(in: transaction)
                let keys = try await store.keys(in: transaction)
                let now = try await store.now(in: transaction)
                // Another replica may have been first.
                guard isDue(keys, now: now) else { return }
                _ = try await add(to: keys, actor: Change.schedule, now: now, in: transaction)
            }
            keys = try await store.keys(in: database)
            now = try await store.now(in: database)
        }
        try await take(try ring(of: keys, now: now), readAt: readAt)
    }

    /// Takes the outcome of a reading, unless one that began later was faster.
    private func take(_ ring: KeyRing, readAt: ContinuousClock.Instant) async throws {
        let isNews = state.withLock { state in
            if let last = state.readAt, last > readAt { return false }
            state.ring = ring
            state.readAt = readAt
            return state.published != ring.jwks
        }
        // Replacing voids what the verifier remembers: only when there is something new. Should two readings overtake each
        // other here, the next one sees it.
        guard isNews else { return }
        try await published.replace(json: Array(ring.jwks.utf8))
        state.withLock { $0.published = ring.jwks }
    }

    /// Makes the next key at once.
    ///
    /// - Returns: Its `kid`, and when it begins to sign.
    /// - Throws: ``Refusal/tooManySigningKeys``, ``Refusal/keysMissing``, `SigningKeyError`, or `PostgresError`.
    func rotate(actor: String) async throws -> (kid: String, activeFrom: Timestamp) {
        try await database.withTransaction { transaction in
            try await store.lockKeys(in: transaction)
            let keys = try await store.keys(in: transaction)
            let now = try await store.now(in: transaction)
            guard settings.schedule.hasRoom(keys.map(\.scheduled), now: now) else { throw Refusal.tooManySigningKeys }
            return try await add(to: keys, actor: actor, now: now, in: transaction)
        }
    }

    private func isDue(_ keys: [Store.StoredKey], now: Timestamp) -> Bool {
        let awaited = state.withLock { state in
            // Imported once: when it retires, the schedule makes the next one.
            if keys.contains(where: { $0.scheduled.kid == state.imported?.kid }) { state.imported = nil }
            return state.imported
        }
        let scheduled = keys.map(\.scheduled)
        guard settings.schedule.hasRoom(scheduled, now: now) else { return false }
        return awaited != nil || settings.schedule.isDue(scheduled, algorithm: settings.signingAlgorithm, now: now)
    }

    private func add(
        to keys: [Store.StoredKey], actor: String, now: Timestamp, in transaction: PostgresTransaction
    ) async throws -> (kid: String, activeFrom: Timestamp) {
        let (sealKey, imported) = state.withLock { ($0.sealKey, $0.imported) }
        guard let sealKey else { throw Refusal.keysMissing }
        // A key under another seal key than the others' would be of no use to the replicas that have the right one.
        if let newest = keys.last(where: { $0.scheduled.retireAt == nil }) {
            _ = try SigningKey(
                sealed: newest.sealed, kid: newest.scheduled.kid, algorithm: newest.scheduled.algorithm, with: sealKey)
        }
        let isKnown = keys.contains { $0.scheduled.kid == imported?.kid }
        let key = if let imported, !isKnown { imported } else { try SigningKey.generate(settings.signingAlgorithm) }
        let (activeFrom, predecessorsRetireAt) = settings.schedule.takeover(keys.map(\.scheduled), now: now)
        try await store.addKey(
            key, sealed: try key.sealed(with: sealKey), activeFrom: activeFrom,
            predecessorsRetireAt: predecessorsRetireAt, in: transaction)
        try await store.record(
            Change(actor: actor, event: .keyCreated, subject: key.kid, details: key.algorithm.rawValue),
            in: transaction)
        return (key.kid, activeFrom)
    }

    private func ring(of keys: [Store.StoredKey], now: Timestamp) throws -> KeyRing {
        let schedule = settings.schedule
        guard let sealKey = state.withLock({ $0.sealKey }),
            let active = schedule.active(keys.map(\.scheduled), now: now),
            let row = keys.first(where: { $0.scheduled.kid == active.kid })
        else { throw Refusal.keysMissing }
        let published = Set(schedule.published(keys.map(\.scheduled), now: now).map(\.kid))
        return KeyRing(
            active: try SigningKey(sealed: row.sealed, kid: active.kid, algorithm: active.algorithm, with: sealKey),
            published: keys.filter { published.contains($0.scheduled.kid) }.map(\.publicJWK))
    }
}
