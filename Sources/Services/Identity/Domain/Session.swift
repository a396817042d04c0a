import ServiceKit

/// What becomes of a refresh token that is presented. The family is locked while this is decided.
enum RefreshDecision: Sendable, Hashable {
    /// A new pair of tokens; this one is used up.
    case rotate
    /// It was used before: somebody else has it too, so everything that followed from the sign-in ends (RFC 9700 §4.14.2).
    case endFamily
    case refuse

    init(isUsed: Bool, hasEnded: Bool, expiresAt: Timestamp, now: Timestamp) {
        if hasEnded {
            self = .refuse
        } else if isUsed {
            self = .endFamily
        } else {
            self = now < expiresAt ? .rotate : .refuse
        }
    }
}

/// What follows from one sign-in, as it is locked in the database.
struct RefreshFamily: Sendable, Hashable {
    let id: Int64
    let accountID: Int64
    /// What was asked for at sign-in; nil: everything that the account may.
    let scopes: [String]?
    let hasEnded: Bool
    let expiresAt: Timestamp
}
