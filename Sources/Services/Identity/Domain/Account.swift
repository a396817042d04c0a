import ServiceKit

/// Somebody who may sign in.
struct Account: Sendable, Hashable {
    let id: Int64
    let email: String
    let firstName: String
    let lastName: String
    /// Empty for somebody without one.
    let company: String
    let roles: [String]
    /// What was granted; an administrator has ``Grants/administratorScopes`` besides.
    let scopes: [String]
    let isActive: Bool
    /// Whether the e-mail address has been shown to be the person's.
    let isVerified: Bool
    let validFrom: Timestamp
    /// The first instant at which it is not valid any more; nil: it does not end.
    let validThru: Timestamp?
    /// Access tokens that were issued before are void; a whole second. nil: none is.
    let tokensFrom: Timestamp?
    let createdAt: Timestamp
    /// Grows by one with every change.
    let version: Int64

    var subject: String { String(id) }

    var isAdministrator: Bool { roles.contains(Grants.administrator) }

    /// Everything that a token of this account may say.
    var grantedScopes: [String] {
        Grants.unique(scopes + (isAdministrator ? Grants.administratorScopes : []))
    }

    func maySignIn(at now: Timestamp) -> Bool {
        isActive && isVerified && validFrom <= now && validThru.map { now < $0 } ?? true
    }
}

/// The bounds of an account's values, in Unicode scalars.
enum AccountLimits {
    static let name = 1...100
    static let company = 0...200
    /// How many API keys an account may have.
    static let apiKeys = 100
}

/// An account that is to be created.
struct NewAccount: Sendable {
    let email: EmailAddress
    let firstName: String
    let lastName: String
    let company: String
    var roles: [String] = []
    var scopes: [String]
    /// Whether somebody vouches for the address.
    var isVerified = false
}

/// When an account stops being valid.
enum ValidityEnd: Sendable, Hashable {
    case never
    case at(Timestamp)

    var timestamp: Timestamp? {
        if case .at(let instant) = self { instant } else { nil }
    }
}

/// New values for some of an account's properties; nil leaves a property as it is.
struct AccountChange: Sendable, Hashable {
    var firstName: String?
    var lastName: String?
    var company: String?
    var roles: [String]?
    var scopes: [String]?
    var validFrom: Timestamp?
    var validThru: ValidityEnd?

    /// Whether only an administrator may do it.
    var isAdministrative: Bool { roles != nil || scopes != nil || validFrom != nil || validThru != nil }

    /// The properties that are set, for the record of changes: names, no values.
    var names: [String] {
        let all: [(String, Bool)] = [
            ("first_name", firstName != nil), ("last_name", lastName != nil), ("company", company != nil),
            ("roles", roles != nil), ("scopes", scopes != nil), ("valid_from", validFrom != nil),
            ("valid_thru", validThru != nil),
        ]
        return all.filter(\.1).map(\.0)
    }
}

/// Which accounts are asked for; nil asks for all.
struct AccountFilter: Sendable, Hashable {
    /// A part of first and last name, whatever the case.
    var name: String?
    /// A part of the address, whatever the case.
    var email: String?
    var company: String?
    /// Only accounts that are valid then.
    var validAt: Timestamp?
}
