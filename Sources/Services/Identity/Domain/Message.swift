import ServiceKit

/// Why somebody is sent a message with a token in it.
enum MessagePurpose: String, Sendable {
    /// To show that the address is theirs.
    case verify
    /// To set a new password.
    case reset
}

/// A message to a person.
struct Message: Sendable {
    let purpose: MessagePurpose
    let address: String
    let token: OpaqueToken
    let expiresAt: Timestamp
}
