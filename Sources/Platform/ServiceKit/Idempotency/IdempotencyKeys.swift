import Crypto
import HTTPTypes
import Logging
public import Postgres
import ServiceLifecycle

/// Answers that were given under an `Idempotency-Key`, in the service's own database.
///
/// A key belongs to one subject, method and path. The first request under a key does its work and stores its answer in one
/// transaction; whoever comes later with the same body gets that answer, with another body 422. Parallel requests under
/// one key wait for the first one's transaction (the primary key is the lock): one row, one answer. A request that was
/// refused changed nothing and stores nothing: it may be repeated under its key. Keys are kept for 24 hours.
public struct IdempotencyKeys: Sendable {
    /// How long a key is, at most; visible ASCII only.
    public static let maximumKeyBytes = 255

    /// Creates the table; every service lists it before its own migrations.
    public static let migration = Migration(
        name: "v0000_idempotency_keys",
        sql: """
            CREATE TABLE idempotency_keys (
                subject        text        NOT NULL,
                method         text        NOT NULL,
                path           text        NOT NULL,
                key            text        NOT NULL,
                request_digest bytea       NOT NULL,
                created_at     timestamptz NOT NULL DEFAULT now(),
                status         integer,
                location       text,
                entity_tag     text,
                content        bytea,
                CONSTRAINT idempotency_keys_pkey PRIMARY KEY (subject, method, path, key)
            );
            CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
            """)

    private let database: PostgresPool

    public init(database: PostgresPool) { self.database = database }

    /// Claims the key for this transaction; waits for another transaction that holds it. A key older than a day is
    /// taken over as if it were not there. No row: somebody else's answer is stored.
    private static let claim: Statement = """
        INSERT INTO idempotency_keys AS held (subject, method, path, key, request_digest)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
            SET request_digest = excluded.request_digest, created_at = now(),
                status = NULL, location = NULL, entity_tag = NULL, content = NULL
            WHERE held.created_at < now() - interval '24 hours'
        RETURNING 1
        """

    private static let find: Statement = """
        SELECT request_digest, status, location, entity_tag, content
        FROM idempotency_keys WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4
        """

    private static let store: Statement = """
        UPDATE idempotency_keys SET status = $5, location = $6, entity_tag = $7, content = $8
        WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4
        """

    private static let purge: Statement = """
        DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT 1000))
        """

    /// Does the work of a call once.
    ///
    /// - Parameters:
    ///   - transaction: Whether the work needs a transaction even when the call carries no key.
    ///   - work: Writes through the given database; what it throws undoes everything, the claim included.
    func answerOnce(
        _ call: Call, transaction: TransactionUse,
        _ work: @Sendable (any PostgresQuerying) async throws -> Reply
    ) async throws -> Reply {
        guard let key = call.header(.idempotencyKey) else {
            switch transaction {
            case .whenKeyed: return try await work(database)
            case .always: return try await database.withTransaction { try await work($0) }
            }
        }
        guard 1...Self.maximumKeyBytes ~= key.utf8.count, key.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            let error = FieldError(
                field: "Idempotency-Key", message: "must be 1 to \(Self.maximumKeyBytes) visible ASCII characters")
            throw Problem(.malformed, "A header could not be understood.", errors: [error])
        }
        let scope: [any PostgresBindable] = [call.callerIfAny?.subject ?? "", call.method.rawValue, call.list, key]
        let digest = Array(SHA256.hash(data: call.body))
        return try await database.withTransaction { transaction in
            guard try await !transaction.query(Self.claim, scope + [digest]).isEmpty else {
                return try await storedAnswer(scope, digest: digest, in: transaction)
            }
            let reply = try await work(transaction)
            try await transaction.execute(
                Self.store,
                scope + [
                    Int32(reply.status.code), reply.headers[.location], reply.entityTag?.opaque, reply.content,
                ])
            return reply
        }
    }

    private func storedAnswer(
        _ scope: [any PostgresBindable], digest: [UInt8], in transaction: PostgresTransaction
    ) async throws -> Reply {
        guard let row = try await transaction.query(Self.find, scope).first else {
            // The claim has locked the row, so no purge can take it away: unless somebody else writes to our table.
            throw Problem.unavailable("The stored answer has just expired.")
        }
        let (storedDigest, status, location, tag, content) = try row.decode(
            [UInt8].self, Int32.self, String?.self, String?.self, [UInt8].self)
        guard storedDigest == digest else {
            throw Problem(.idempotencyKeyReused, "Use a fresh Idempotency-Key for another request.")
        }
        var headers: HTTPFields = [.idempotencyReplayed: "true"]
        headers[.location] = location
        return Reply(
            .init(code: Int(status)), content: content, headers: headers, entityTag: tag.map(EntityTag.init(opaque:)))
    }

    /// Deletes what is older than a day.
    ///
    /// - Returns: How many keys were deleted; at most 100,000 in one run.
    @discardableResult
    public func purgeExpired() async throws(PostgresError) -> Int {
        var total = 0
        for _ in 0..<100 {
            let deleted = try await database.execute(Self.purge, [])
            total += deleted
            if deleted < 1_000 { break }
        }
        return total
    }
}

/// When the work of a call runs in a transaction.
public enum TransactionUse: Sendable {
    /// Only with an `Idempotency-Key`: the work is a single statement.
    case whenKeyed
    /// Always: the work is several statements.
    case always
}

/// Deletes expired keys every ten minutes, as long as the service runs.
struct IdempotencyPurge: Service, CustomStringConvertible {
    static let interval: Duration = .seconds(600)

    let keys: IdempotencyKeys
    let logger: Logger
    let description = "purge of idempotency keys"

    func run() async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) }
                let deleted = try await keys.purgeExpired()
                logger.debug("expired idempotency keys deleted", metadata: ["count": "\(deleted)"])
            } catch is CancellationError {
                return
            } catch {
                logger.warning("expired idempotency keys could not be deleted", metadata: ["reason": "\(error)"])
            }
        }
    }
}
