import Foundation
import Postgres
import ServiceKit

/// Identity's rows: SQL and their decoding, nothing else. Each kind of row has its file.
///
/// Whoever locks several things in one transaction does it in this order, so that nobody waits in a circle: account,
/// refresh family, feed of revocations (last, because it makes others wait).
struct Store: Sendable {
    private static let time: Statement = "SELECT clock_timestamp()"

    /// The database's time: the one clock of all replicas. Asked for after locks have been waited for.
    func now(in database: any PostgresQuerying) async throws(PostgresError) -> Timestamp {
        guard let row = try await database.query(Self.time).first else { throw Self.noRow }
        return Timestamp(try row.decode(0, as: Date.self))
    }

    private static let recordChange: Statement = """
        INSERT INTO outbox (actor, event, subject, details) VALUES ($1, $2, $3, $4)
        """

    /// Adds to the outbox, in the transaction of the change.
    func record(_ change: Change, in transaction: PostgresTransaction) async throws(PostgresError) {
        try await transaction.execute(
            Self.recordChange, [change.actor, change.event.rawValue, change.subject, change.details])
    }

    static let noRow = PostgresError(.protocolViolation, "a statement that always gives a row gave none")
}
