import Postgres
import ServiceKit

/// How passwords are changed.
struct Passwords: Sendable {
    let resources: Resources

    /// How long after a message the next one may be had.
    static let messagePause = Duration.seconds(120)

    private var store: Store { resources.store }
    private var database: PostgresPool { resources.database }

    /// Changes the requester's password. All sessions end but the one that asks.
    func change(
        from current: Password, to new: Password, by requester: Requester, at address: String
    ) async throws {
        let id = try requester.account()
        guard let account = try await store.findAccount(id, in: database) else { throw Refusal.notAPerson }
        // A stolen access token must not be good for more guesses than a sign-in is.
        let counters = resources.throttle.signIn(try EmailAddress(account.email), from: address)
        try await resources.throttle.count(counters)
        let known = try await store.findCredential(of: id, in: database)
        let hash: PasswordHash?
        do {
            let matches = try await resources.hasher.verify(current.text, against: known?.encoded).matches
            hash = matches ? PasswordHash(encoded: try await resources.hasher.hash(new.text)) : nil
        } catch {
            // Not a guess: nobody looked at it, or it was right.
            await resources.throttle.forgive(counters)
            throw error
        }
        guard let known, let hash else { throw Refusal.wrongPassword }
        try await database.withTransaction { transaction in
            guard let account = try await store.lock(id, in: transaction),
                try await store.replaceCredential(of: id, by: hash, known: known, in: transaction)
            else { throw Refusal.wrongPassword }
            try await store.dropMessageTokens(of: id, in: transaction)
            let ended = try await store.endFamilies(of: id, except: requester.caller.tokenID, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .passwordChanged, subject: account.subject), in: transaction)
            try await resources.revokeTokens(ofFamilies: ended, in: transaction)
        }
        await resources.throttle.succeeded(counters)
    }

    /// Asks for a message that lets the owner of the address set a password. What becomes of it happens later, so that
    /// neither the answer nor its time tells whether there is an account.
    func forget(_ email: EmailAddress, from address: String) async throws {
        try await resources.throttle.count(resources.throttle.message(from: address))
        resources.mailroom.put(.resetPassword(email))
    }

    /// Makes the message that was asked for.
    ///
    /// - Returns: nil when there is nobody to send it to, or too many were asked for.
    func prepareReset(_ email: EmailAddress) async throws -> Message? {
        do {
            try await resources.throttle.count(resources.throttle.message(to: email))
        } catch Refusal.tooManyAttempts {
            return nil
        }
        guard let found = try await store.findAccount(email, in: database) else { return nil }
        return try await database.withTransaction { transaction -> Message? in
            guard let account = try await store.lock(found.id, in: transaction), account.isActive else { return nil }
            // The message that was just sent stays good: whoever asks again and again must not void it.
            let now = try await store.now(in: transaction)
            let fresh = now.advanced(by: Resources.messageLifetime(.reset) - Self.messagePause)
            guard try await !store.hasMessageToken(for: .reset, account: account.id, later: fresh, in: transaction)
            else { return nil }
            let message = try await resources.prepareMessage(.reset, to: account, in: transaction)
            try await store.record(
                Change(actor: Change.anonymous, event: .passwordResetRequested, subject: account.subject),
                in: transaction)
            return message
        }
    }

    /// Sets a password by the token of a message, which also shows that the address is the owner's. All sessions end.
    func reset(token: String, to new: Password, from address: String) async throws {
        let counters = resources.throttle.message(from: address)
        try await resources.throttle.count(counters)
        let digest = OpaqueToken.digest(of: token)
        guard let id = try await store.findMessageToken(digest, for: .reset, in: database) else {
            throw Refusal.messageTokenInvalid
        }
        let hash: PasswordHash
        do {
            hash = PasswordHash(encoded: try await resources.hasher.hash(new.text))
        } catch {
            await resources.throttle.forgive(counters)
            throw error
        }
        try await database.withTransaction { transaction in
            guard let account = try await store.lock(id, in: transaction), account.isActive,
                try await store.takeMessageToken(digest, for: .reset, account: id, in: transaction),
                try await store.replaceCredential(of: id, by: hash, known: nil, in: transaction)
            else { throw Refusal.messageTokenInvalid }
            _ = try await store.verify(id, in: transaction)
            try await store.dropMessageTokens(of: id, in: transaction)
            let ended = try await store.endFamilies(of: id, except: nil, in: transaction)
            try await store.record(
                Change(actor: Change.anonymous, event: .passwordReset, subject: account.subject), in: transaction)
            try await resources.revokeTokens(ofFamilies: ended, in: transaction)
        }
    }
}
