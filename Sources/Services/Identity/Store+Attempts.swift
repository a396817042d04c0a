import Postgres
import ServiceKit

/// The counters of attempts.
extension Store {
    private static let count: Statement = """
        INSERT INTO attempts AS counter (key, count, ends_at)
        VALUES ($1, 1, clock_timestamp() + make_interval(secs => $2))
        ON CONFLICT ON CONSTRAINT attempts_pkey DO UPDATE SET
            count = CASE WHEN counter.ends_at <= clock_timestamp() THEN 1 ELSE LEAST(counter.count, $3) + 1 END,
            ends_at = CASE WHEN counter.ends_at <= clock_timestamp()
                THEN clock_timestamp() + make_interval(secs => $2) ELSE counter.ends_at END
        RETURNING count, extract(epoch FROM ends_at - clock_timestamp())::float8
        """

    /// Counts an attempt, at once and for good, before its outcome is known.
    func count(
        _ counter: AttemptCounter, window: Duration, in database: any PostgresQuerying
    ) async throws(PostgresError) -> AttemptCount {
        let seconds = window / .seconds(1)
        guard let row = try await database.query(Self.count, [counter.key, seconds, counter.limit]).first
        else { throw Self.noRow }
        let (count, secondsLeft) = try row.decode(Int64.self, Double.self)
        return AttemptCount(count: count, secondsLeft: secondsLeft)
    }

    private static let forgive: Statement = "UPDATE attempts SET count = count - 1 WHERE key = $1 AND count > 0"

    /// Takes an attempt back that was none: it was right, or could not be judged.
    func forgive(_ counters: some Sequence<AttemptCounter>, in database: any PostgresQuerying)
        async throws(PostgresError)
    {
        for counter in counters { try await database.execute(Self.forgive, [counter.key]) }
    }

    private static let forget: Statement = "DELETE FROM attempts WHERE key = $1"

    /// Begins to count anew.
    func forget(_ counter: AttemptCounter, in database: any PostgresQuerying) async throws(PostgresError) {
        try await database.execute(Self.forget, [counter.key])
    }
}
