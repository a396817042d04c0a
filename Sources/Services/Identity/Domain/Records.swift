import ServiceKit

/// What the outbox keeps of a change: who did what to whom. Nothing secret, no values.
struct Change: Sendable, Hashable {
    /// The caller's subject, or one of the words below.
    var actor: String
    var event: Event
    var subject: String
    /// Names of what changed, or why; never a value that somebody sent.
    var details = ""

    /// Somebody who did not sign in: a registration, a message's token.
    static let anonymous = "anonymous"
    /// A subcommand of the program.
    static let operations = "operator"
    /// The service by itself.
    static let schedule = "schedule"

    enum Event: String, Sendable {
        case accountRegistered = "account.registered"
        case accountCreated = "account.created"
        case accountVerified = "account.verified"
        case accountChanged = "account.changed"
        case accountActivated = "account.activated"
        case accountDeactivated = "account.deactivated"
        case accountDeleted = "account.deleted"
        case passwordChanged = "password.changed"
        case passwordReset = "password.reset"
        case passwordResetRequested = "password.reset-requested"
        case sessionBegan = "session.began"
        case sessionRefreshed = "session.refreshed"
        case sessionEnded = "session.ended"
        case sessionReused = "session.reused"
        case tokenRevoked = "token.revoked"
        case apiKeyCreated = "api-key.created"
        case apiKeyDeleted = "api-key.deleted"
        case clientCreated = "client.created"
        case clientDeleted = "client.deleted"
        case keyCreated = "signing-key.created"
    }
}

/// One entry of the feed of what ended before its time.
struct Revocation: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// All tokens of the subject that were issued before.
        case subject(String, issuedBefore: Timestamp)
        /// The token with this `jti`.
        case token(String)
    }

    let position: Int64
    let kind: Kind
    /// From then on it cannot matter any more.
    let expiresAt: Timestamp
}

/// An access token that is to be revoked.
struct IssuedToken: Sendable, Hashable {
    let id: String
    let expiresAt: Timestamp
}

/// A machine that has a secret of its own.
struct Client: Sendable, Hashable {
    let id: Int64
    let clientID: String
    let name: String
    let scopes: [String]
    let createdAt: Timestamp

    var subject: String { "client:\(clientID)" }
}

/// A device's key, which acts for an account.
struct APIKey: Sendable, Hashable {
    let id: Int64
    let accountID: Int64
    let name: String
    let scopes: [String]
    let expiresAt: Timestamp?
    let createdAt: Timestamp

    var subject: String { "device:\(id)" }
}

/// A client that is to be created.
struct NewClient: Sendable, Hashable {
    let name: String
    let scopes: [String]
}

/// A key that is to be created.
struct NewAPIKey: Sendable, Hashable {
    let name: String
    let scopes: [String]
    let expiresAt: Timestamp?
}
