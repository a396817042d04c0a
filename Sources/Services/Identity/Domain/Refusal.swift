/// Why identity says no.
enum Refusal: Error, Sendable, Hashable {
    case noSuchAccount(Int64)
    /// Another account has the address.
    case emailTaken
    /// The change was meant for another version of the account.
    case versionChanged
    /// The end of validity is not later than its beginning.
    case validityEmpty
    /// Deleted is only what is inactive.
    case stillActive
    /// It belongs to somebody else, and the caller is no administrator.
    case notAllowed
    /// Only people have what was asked for: not machines, not devices.
    case notAPerson
    /// The presented access token was revoked, or its account has ended.
    case revoked
    /// Address or password is wrong, or the account may not sign in: which, is not told.
    case signInRefused
    case wrongPassword
    case tooManyAttempts(retryAfterSeconds: Int)
    /// The token of a message is unknown, used, replaced or expired.
    case messageTokenInvalid
    /// The refresh token is unknown, used or expired, or its family has ended.
    case refreshTokenInvalid
    /// A token is asked for that may more than can be had.
    case scopeNotGranted
    /// An API key is asked for that may more than who asks for it.
    case keyScopesNotGranted
    case noSuchClient(Int64)
    case noSuchAPIKey(Int64)
    case tooManyAPIKeys
    /// So many signing keys are published that no verifier should be given more.
    case tooManySigningKeys
    /// No signing key could be read so far.
    case keysMissing
}
