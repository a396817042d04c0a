import ServiceKit

/// How the values of identity look in JSON.
enum Shapes {
    static let name = Shape.text(AccountLimits.name)
    static let company = Shape.text(AccountLimits.company)
    static let part = Shape.text(1...200)
    static let roles = Shape.list(of: word("a role: lower-case letters, digits, - and _", Grants.isRole), 0...20)
    static let scopes = Shape.list(
        of: word("a scope: visible ASCII without quotes", Grants.isScope), 0...Grants.maximumCount)
    static let timestamp = Shape<Timestamp>.timestamp
    static let optionalTimestamp = Shape<Timestamp?>.nullable(.timestamp)
    /// The text of a token or a secret of ours.
    static let token = Shape.text(1...OpaqueToken.maximumBytes)

    static let email = Shape<EmailAddress>(
        schema: Schema([
            "type": "string", "format": "email", "maxLength": .number(String(EmailAddress.maximumBytes)),
        ]),
        read: { json throws(FieldErrors) in
            guard let text = json.string else { throw FieldErrors("must be a string") }
            return try EmailAddress(text)
        },
        write: { $1.string($0.text) })

    static let newPassword = Shape<Password>(
        schema: Schema([
            "type": "string", "format": "password", "minLength": .number(String(Password.newBytes.lowerBound)),
            "maxLength": .number(String(Password.newBytes.upperBound)),
        ]),
        read: { json throws(FieldErrors) in
            guard let text = json.string else { throw FieldErrors("must be a string") }
            return try Password(new: text)
        },
        write: { _, writer in writer.null() })

    static let password = Shape<Password>(
        schema: Schema([
            "type": "string", "format": "password", "minLength": 1,
            "maxLength": .number(String(Password.presentedBytes.upperBound)),
        ]),
        read: { json throws(FieldErrors) in
            guard let text = json.string else { throw FieldErrors("must be a string") }
            return try Password(presented: text)
        },
        write: { _, writer in writer.null() })

    /// RFC 6749 §3.3: words with spaces between them.
    static let scope = Shape<[String]>(
        schema: Schema(["type": "string", "maxLength": 5_100]),
        read: { json throws(FieldErrors) in
            guard let text = json.string, let words = Grants.words(text) else {
                throw FieldErrors("must be scopes, separated by spaces")
            }
            return words
        },
        write: { $1.string($0.joined(separator: " ")) })

    static let validityEnd = Shape<ValidityEnd>(
        schema: optionalTimestamp.schema,
        read: { json throws(FieldErrors) in
            if json == .null { return .never }
            guard let text = json.string, let instant = Timestamp(text) else {
                throw FieldErrors("must be null or a time as in RFC 3339, for example 2026-01-31T12:00:00.000Z")
            }
            return .at(instant)
        },
        write: { value, writer in
            if let instant = value.timestamp { writer.timestamp(instant) } else { writer.null() }
        })

    private static func word(_ meaning: String, _ isValid: @escaping @Sendable (String) -> Bool) -> Shape<String> {
        Shape(
            schema: Schema(["type": "string", "minLength": 1, "maxLength": 100]),
            read: { json throws(FieldErrors) in
                guard let text = json.string, isValid(text) else { throw FieldErrors("must be \(meaning)") }
                return text
            },
            write: { $1.string($0) })
    }
}

extension Account: Representable {
    static let representation = Representation<Account>(
        "Account", "Somebody who may sign in.",
        [
            .init("id", .identifier, "The account's number; the sub of its tokens.") { $0.id },
            .init("email", .text(3...254), "Its address, unique whatever the case.") { $0.email },
            .init("first_name", Shapes.name, "First name.") { $0.firstName },
            .init("last_name", Shapes.name, "Last name.") { $0.lastName },
            .init("company", Shapes.company, "Empty for somebody without one.") { $0.company },
            .init("roles", Shapes.roles, "Its roles.") { $0.roles },
            .init("scopes", Shapes.scopes, "What its tokens may say; admin has every scope besides.") { $0.scopes },
            .init("active", .boolean, "Whether it is active.") { $0.isActive },
            .init("verified", .boolean, "Whether its address is verified.") { $0.isVerified },
            .init("valid_from", Shapes.timestamp, "From when it is valid.") { $0.validFrom },
            .init("valid_thru", Shapes.optionalTimestamp, "Until when it is valid; null: without end.") {
                $0.validThru
            },
            .init("created_at", Shapes.timestamp, "When it was created.") { $0.createdAt },
        ])
}

extension TokenPair: Representable {
    static let representation = Representation<TokenPair>(
        "TokenPair", "An access token, and what the next one is had for (RFC 6749 §5.1).",
        [
            .init("access_token", .text(1...8_192), "A JWT.") { $0.access.text },
            .init("token_type", .text(6...6), "Bearer.") { _ in "Bearer" },
            .init("expires_in", .integer(1...3_600), "Seconds.") { $0.access.expiresInSeconds },
            .init("refresh_token", Shapes.token, "Good once, for the next pair.") { $0.refresh.text },
            .init("scope", Shapes.scope, "What the access token may do.") { $0.access.scopes },
        ])
}

extension TokenMint.Minted: Representable {
    static let representation = Representation<TokenMint.Minted>(
        "AccessToken", "An access token (RFC 6749 §5.1).",
        [
            .init("access_token", .text(1...8_192), "A JWT.") { $0.text },
            .init("token_type", .text(6...6), "Bearer.") { _ in "Bearer" },
            .init("expires_in", .integer(1...3_600), "Seconds.") { $0.expiresInSeconds },
            .init("scope", Shapes.scope, "What it may do.") { $0.scopes },
        ])
}

extension Client: Representable {
    static let representation = Representation<Client>(
        "Client", "A machine that has a secret of its own.",
        [
            .init("id", .identifier, "Its number.") { $0.id },
            .init("client_id", .text(1...50), "What it calls itself.") { $0.clientID },
            .init("name", Shapes.name, "What people call it.") { $0.name },
            .init("scopes", Shapes.scopes, "What it may do.") { $0.scopes },
            .init("created_at", Shapes.timestamp, "When it was created.") { $0.createdAt },
        ])
}

extension APIKey: Representable {
    static let representation = Representation<APIKey>(
        "APIKey", "A device's key, which acts for an account.",
        [
            .init("id", .identifier, "Its number.") { $0.id },
            .init("account_id", .identifier, "Whose it is.") { $0.accountID },
            .init("name", Shapes.name, "What people call it.") { $0.name },
            .init("scopes", Shapes.scopes, "What it may do, as long as its account may.") { $0.scopes },
            .init("expires_at", Shapes.optionalTimestamp, "Until when it is good; null: without end.") {
                $0.expiresAt
            },
            .init("created_at", Shapes.timestamp, "When it was created.") { $0.createdAt },
        ])
}

/// A client with its secret: shown once.
struct IssuedClient: Representable {
    let client: Client
    let secret: OpaqueToken

    static let representation = Representation<IssuedClient>(
        "IssuedClient", "A new client with its secret, which is shown only now.",
        [
            .init("id", .identifier, "Its number.") { $0.client.id },
            .init("client_id", .text(1...50), "What it calls itself.") { $0.client.clientID },
            .init("client_secret", Shapes.token, "Its secret.") { $0.secret.text },
            .init("name", Shapes.name, "What people call it.") { $0.client.name },
            .init("scopes", Shapes.scopes, "What it may do.") { $0.client.scopes },
            .init("created_at", Shapes.timestamp, "When it was created.") { $0.client.createdAt },
        ])
}

/// An API key with its text: shown once.
struct IssuedAPIKey: Representable {
    let row: APIKey
    let key: OpaqueToken

    static let representation = Representation<IssuedAPIKey>(
        "IssuedAPIKey", "A new API key, which is shown only now.",
        [
            .init("id", .identifier, "Its number.") { $0.row.id },
            .init("api_key", Shapes.token, "The key.") { $0.key.text },
            .init("account_id", .identifier, "Whose it is.") { $0.row.accountID },
            .init("name", Shapes.name, "What people call it.") { $0.row.name },
            .init("scopes", Shapes.scopes, "What it may do, as long as its account may.") { $0.row.scopes },
            .init("expires_at", Shapes.optionalTimestamp, "Until when it is good; null: without end.") {
                $0.row.expiresAt
            },
            .init("created_at", Shapes.timestamp, "When it was created.") { $0.row.createdAt },
        ])
}
