import Foundation
import Postgres
import ServiceKit

/// Accounts; never with their credentials.
extension Store {
    private static let create: Statement = """
        INSERT INTO accounts (email, email_key, first_name, last_name, company, roles, scopes, verified_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN now() END)
        RETURNING id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        """

    /// - Throws: ``Refusal/emailTaken``, by the database's judgement, or `PostgresError`.
    func create(_ account: NewAccount, in transaction: PostgresTransaction) async throws -> Account {
        do {
            let rows = try await transaction.query(
                Self.create,
                [
                    account.email.text, account.email.key, account.firstName, account.lastName, account.company,
                    account.roles, account.scopes, account.isVerified,
                ])
            guard let created = try Self.accounts(rows).first else { throw Self.noRow }
            return created
        } catch let error as PostgresError where error.constraint == "accounts_email_key_idx" {
            throw Refusal.emailTaken
        }
    }

    private static let exists: Statement = """
        SELECT EXISTS (SELECT FROM accounts WHERE lower(email_key) = lower($1))
        """

    /// Whether there is an account with the address now. Spares work; the judge is the index.
    func exists(_ email: EmailAddress, in database: any PostgresQuerying) async throws(PostgresError) -> Bool {
        guard let row = try await database.query(Self.exists, [email.key]).first else { throw Self.noRow }
        return try row.decode(0)
    }

    private static let find: Statement = """
        SELECT id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        FROM accounts WHERE id = $1
        """

    func findAccount(_ id: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> Account? {
        try Self.accounts(await database.query(Self.find, [id])).first
    }

    private static let findByEmail: Statement = """
        SELECT id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        FROM accounts WHERE lower(email_key) = lower($1)
        """

    func findAccount(
        _ email: EmailAddress, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Account? {
        try Self.accounts(await database.query(Self.findByEmail, [email.key])).first
    }

    private static let share: Statement = """
        SELECT id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        FROM accounts WHERE id = $1 FOR SHARE
        """

    /// The account, which nobody changes until the end of the transaction: for issuing tokens.
    func share(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> Account? {
        try Self.accounts(await transaction.query(Self.share, [id])).first
    }

    private static let lock: Statement = """
        SELECT id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        FROM accounts WHERE id = $1 FOR UPDATE
        """

    /// The account, which nobody else reads for issuing, changes or deletes until the end of the transaction.
    func lock(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> Account? {
        try Self.accounts(await transaction.query(Self.lock, [id])).first
    }

    private static let search: Statement = """
        SELECT id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        FROM accounts
        WHERE id > $1
            AND ($3::text IS NULL OR position(lower($3) IN lower(first_name || ' ' || last_name)) > 0)
            AND ($4::text IS NULL OR position(lower($4) IN lower(email_key)) > 0)
            AND ($5::text IS NULL OR position(lower($5) IN lower(company)) > 0)
            AND ($6::timestamptz IS NULL OR (valid_from <= $6 AND (valid_thru IS NULL OR valid_thru > $6)))
        ORDER BY id LIMIT $2
        """

    /// The accounts that match and whose ids are greater than `after`, at most `count`.
    func search(
        _ filter: AccountFilter, after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [Account] {
        let binds: [any PostgresBindable] = [
            after, count, filter.name, filter.email, filter.company, filter.validAt?.date,
        ]
        return try Self.accounts(await database.query(Self.search, binds))
    }

    private static let change: Statement = """
        UPDATE accounts
        SET first_name = COALESCE($2, first_name), last_name = COALESCE($3, last_name),
            company = COALESCE($4, company), roles = COALESCE($5, roles), scopes = COALESCE($6, scopes),
            valid_from = COALESCE($7, valid_from), valid_thru = CASE WHEN $8 THEN $9 ELSE valid_thru END,
            version = version + 1, changed_at = now()
        WHERE id = $1
        RETURNING id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        """

    /// Changes an account that is locked.
    ///
    /// - Throws: ``Refusal/validityEmpty``, or `PostgresError`.
    func change(
        _ id: Int64, to change: AccountChange, in transaction: PostgresTransaction
    ) async throws -> Account {
        do {
            let rows = try await transaction.query(
                Self.change,
                [
                    id, change.firstName, change.lastName, change.company, change.roles, change.scopes,
                    change.validFrom?.date, change.validThru != nil, change.validThru?.timestamp?.date,
                ])
            guard let changed = try Self.accounts(rows).first else { throw Self.noRow }
            return changed
        } catch let error as PostgresError where error.constraint == "accounts_validity_check" {
            throw Refusal.validityEmpty
        }
    }

    private static let setActive: Statement = """
        UPDATE accounts SET is_active = $2, version = version + 1, changed_at = now()
        WHERE id = $1
        RETURNING id, email, first_name, last_name, company, roles, scopes, is_active, verified_at IS NOT NULL,
            valid_from, valid_thru, tokens_from, created_at, version
        """

    func setActive(_ isActive: Bool, _ id: Int64, in transaction: PostgresTransaction) async throws -> Account {
        let rows = try await transaction.query(Self.setActive, [id, isActive])
        guard let changed = try Self.accounts(rows).first else { throw Self.noRow }
        return changed
    }

    private static let setTokensFrom: Statement = "UPDATE accounts SET tokens_from = $2 WHERE id = $1"

    /// Voids what was issued before.
    func setTokensFrom(
        _ instant: Timestamp, _ id: Int64, in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        try await transaction.execute(Self.setTokensFrom, [id, instant.date])
    }

    private static let verify: Statement = """
        UPDATE accounts SET verified_at = now(), version = version + 1, changed_at = now()
        WHERE id = $1 AND verified_at IS NULL
        """

    /// - Returns: Whether it was not verified before.
    func verify(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> Bool {
        try await transaction.execute(Self.verify, [id]) == 1
    }

    private static let delete: Statement = "DELETE FROM accounts WHERE id = $1"

    /// Deletes an account that is locked, and everything that hangs on it.
    func delete(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) {
        try await transaction.execute(Self.delete, [id])
    }

    /// Decodes the columns that every statement above that reads accounts returns, in that order.
    private static func accounts(_ rows: PostgresRows) throws(PostgresError) -> [Account] {
        var accounts: [Account] = []
        accounts.reserveCapacity(rows.count)
        for row in rows {
            let (
                id, email, firstName, lastName, company, roles, scopes, isActive, isVerified, validFrom, validThru,
                tokensFrom, createdAt, version
            ) = try row.decode(
                Int64.self, String.self, String.self, String.self, String.self, [String].self, [String].self,
                Bool.self, Bool.self, Date.self, Date?.self, Date?.self, Date.self, Int64.self)
            accounts.append(
                Account(
                    id: id, email: email, firstName: firstName, lastName: lastName, company: company, roles: roles,
                    scopes: scopes, isActive: isActive, isVerified: isVerified, validFrom: Timestamp(validFrom),
                    validThru: validThru.map { Timestamp($0) }, tokensFrom: tokensFrom.map { Timestamp($0) },
                    createdAt: Timestamp(createdAt), version: version))
        }
        return accounts
    }
}
