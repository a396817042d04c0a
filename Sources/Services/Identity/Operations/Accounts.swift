import Postgres
import ServiceKit

/// What is done with accounts, each in one transaction with its record.
struct Accounts: Sendable {
    let resources: Resources

    private var store: Store { resources.store }
    private var database: PostgresPool { resources.database }

    /// Registers a person. The address is unverified until the token that is sent to it comes back.
    func register(_ new: NewAccount, password: Password, from address: String) async throws -> Account {
        let counters = resources.throttle.registration(from: address)
        try await resources.throttle.count(counters)
        // Spares the hash in most cases; who is first of several at a time, the index decides.
        guard try await !store.exists(new.email, in: database) else { throw Refusal.emailTaken }
        let hash: PasswordHash
        do throws(HashingError) {
            hash = PasswordHash(encoded: try await resources.hasher.hash(password.text))
        } catch {
            await resources.throttle.forgive(counters)
            throw error
        }
        let (account, message) = try await database.withTransaction { transaction in
            let account = try await store.create(new, in: transaction)
            try await store.createCredential(hash, for: account.id, in: transaction)
            let message = try await resources.prepareMessage(.verify, to: account, in: transaction)
            try await store.record(
                Change(actor: Change.anonymous, event: .accountRegistered, subject: account.subject), in: transaction)
            return (account, message)
        }
        resources.mailroom.put(.send(message))
        return account
    }

    /// Creates an account that somebody vouches for.
    func create(_ new: NewAccount, password: Password, actor: String) async throws -> Account {
        let hash = PasswordHash(encoded: try await resources.hasher.hash(password.text))
        return try await database.withTransaction { transaction in
            let account = try await store.create(new, in: transaction)
            try await store.createCredential(hash, for: account.id, in: transaction)
            try await store.record(
                Change(actor: actor, event: .accountCreated, subject: account.subject), in: transaction)
            return account
        }
    }

    /// Takes the token of a verification message.
    func verify(token: String) async throws {
        let digest = OpaqueToken.digest(of: token)
        guard let id = try await store.findMessageToken(digest, for: .verify, in: database) else {
            throw Refusal.messageTokenInvalid
        }
        try await database.withTransaction { transaction in
            guard let account = try await store.lock(id, in: transaction),
                try await store.takeMessageToken(digest, for: .verify, account: id, in: transaction)
            else { throw Refusal.messageTokenInvalid }
            guard try await store.verify(id, in: transaction) else { return }
            try await store.record(
                Change(actor: Change.anonymous, event: .accountVerified, subject: account.subject), in: transaction)
        }
    }

    /// Changes an account. What it may do from now on holds for its tokens at once: those that it has are revoked, and
    /// its sessions get others at the next refresh.
    func change(
        _ id: Int64, to change: AccountChange, versions: [Int64]?, by requester: Requester
    ) async throws -> Account {
        try requester.require(ownerOf: id)
        if change.isAdministrative { try requester.requireAdministrator() }
        return try await database.withTransaction { transaction in
            let before = try await locked(id, versions: versions, by: requester, in: transaction)
            let changed = try await store.change(id, to: change, in: transaction)
            try await store.record(
                Change(
                    actor: requester.subject, event: .accountChanged, subject: before.subject,
                    details: change.names.joined(separator: " ")), in: transaction)
            if change.isAdministrative { try await resources.revokeEverything(of: changed, in: transaction) }
            return changed
        }
    }

    /// Deactivates an account: its sessions end, its tokens are revoked. Again: nothing.
    func deactivate(_ id: Int64, by requester: Requester) async throws -> Account {
        try requester.require(ownerOf: id)
        return try await database.withTransaction { transaction in
            let before = try await locked(id, versions: nil, by: requester, in: transaction)
            guard before.isActive else { return before }
            let changed = try await store.setActive(false, id, in: transaction)
            _ = try await store.endFamilies(of: id, except: nil, in: transaction)
            try await store.dropMessageTokens(of: id, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .accountDeactivated, subject: before.subject),
                in: transaction)
            try await resources.revokeEverything(of: changed, in: transaction)
            return changed
        }
    }

    func activate(_ id: Int64, by requester: Requester) async throws -> Account {
        try requester.requireAdministrator()
        return try await database.withTransaction { transaction in
            let before = try await locked(id, versions: nil, by: requester, in: transaction)
            guard !before.isActive else { return before }
            let changed = try await store.setActive(true, id, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .accountActivated, subject: before.subject), in: transaction)
            return changed
        }
    }

    /// Deletes an inactive account with everything that hangs on it; revocations stay as long as they matter.
    func delete(_ id: Int64, versions: [Int64]?, by requester: Requester) async throws {
        try requester.requireAdministrator()
        try await database.withTransaction { transaction in
            let account = try await locked(id, versions: versions, by: requester, in: transaction)
            guard !account.isActive else { throw Refusal.stillActive }
            try await store.delete(id, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .accountDeleted, subject: account.subject), in: transaction)
        }
    }

    private func locked(
        _ id: Int64, versions: [Int64]?, by requester: Requester, in transaction: PostgresTransaction
    ) async throws -> Account {
        let account = try await store.lock(id, in: transaction)
        // Whoever was demoted or deactivated while we waited does nothing more.
        try await resources.confirm(requester, in: transaction)
        guard let account else { throw Refusal.noSuchAccount(id) }
        guard versions?.contains(account.version) ?? true else { throw Refusal.versionChanged }
        return account
    }
}

extension Resources {
    /// How long the token of a message is good.
    static func messageLifetime(_ purpose: MessagePurpose) -> Duration {
        switch purpose {
        case .verify: .seconds(24 * 3_600)
        case .reset: .seconds(3_600)
        }
    }

    /// Makes a message with a token, whose digest is kept; it is to be sent after the transaction.
    func prepareMessage(
        _ purpose: MessagePurpose, to account: Account, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Message {
        let token = OpaqueToken.generate(prefix: "gh_mt_")
        let expiresAt = try await store.now(in: transaction).advanced(by: Self.messageLifetime(purpose))
        try await store.putMessageToken(
            token.digest, for: purpose, account: account.id, expiresAt: expiresAt, in: transaction)
        return Message(purpose: purpose, address: account.email, token: token, expiresAt: expiresAt)
    }
}
