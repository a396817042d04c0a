import HTTPTypes
import ServiceKit

/// Identity over HTTP.
struct Routes: Sendable {
    let resources: Resources

    var accounts: Accounts { Accounts(resources: resources) }
    var sessions: Sessions { Sessions(resources: resources) }
    var passwords: Passwords { Passwords(resources: resources) }
    var machines: Machines { Machines(resources: resources) }
    var tokens: Tokens { Tokens(resources: resources) }

    static let throttled = Answer.problem(.tooManyRequests, "There were too many attempts; see Retry-After.")

    var endpoints: [Endpoint] {
        accountEndpoints + sessionEndpoints + passwordEndpoints + machineEndpoints + tokenEndpoints + publicEndpoints
    }

    /// As attempts are counted.
    func address(of call: Call) -> String { ClientAddress.counted(call.header(.forwardedFor)) }
}

extension HTTPField.Name {
    /// Set by the gateway, which strips what clients send.
    static let forwardedFor: HTTPField.Name = {
        guard let name = HTTPField.Name("x-forwarded-for") else { preconditionFailure("not a field name") }
        return name
    }()
}

extension Refusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .noSuchAccount(let id): .notFound("There is no account \(id).")
        case .emailTaken: .conflict("There is an account with this e-mail address already.")
        case .versionChanged: .preconditionFailed
        case .validityEmpty: invalid("valid_thru", "must be later than valid_from")
        case .stillActive: .conflict("The account is active: deactivate it before it is deleted.")
        case .notAllowed: Problem(.forbidden, "This is for its owner, or for administrators.")
        case .notAPerson: Problem(.forbidden, "This is for accounts of people only.")
        case .revoked:
            Problem(
                .unauthenticated, "The token was revoked.",
                headers: [
                    .wwwAuthenticate: "Bearer error=\"invalid_token\", error_description=\"The token was revoked.\""
                ])
        case .signInRefused:
            Problem(
                .badCredentials, "Address and password do not fit together, or the account may not sign in.",
                headers: [.wwwAuthenticate: "Bearer"])
        case .wrongPassword: invalid("current_password", "is not the password")
        case .tooManyAttempts(let seconds):
            .tooManyRequests("There were too many attempts. Try again later.", retryAfterSeconds: seconds)
        case .messageTokenInvalid: invalid("token", "is unknown, used, replaced or expired")
        case .refreshTokenInvalid:
            Problem(
                .badCredentials, "The refresh token is unknown, used or expired, or its session has ended.",
                headers: [.wwwAuthenticate: "Bearer"])
        case .scopeNotGranted: invalid("scope", "asks for more than may be had")
        case .keyScopesNotGranted: invalid("scopes", "asks for more than may be had")
        case .noSuchClient(let id): .notFound("There is no client \(id).")
        case .noSuchAPIKey(let id): .notFound("There is no API key \(id).")
        case .tooManyAPIKeys: .conflict("The account has \(AccountLimits.apiKeys) API keys: delete one first.")
        case .tooManySigningKeys:
            .conflict("There are \(KeySchedule.publishedLimit) signing keys: wait until some have retired.")
        case .keysMissing: .unavailable("The signing keys are not there yet.")
        }
    }

    private func invalid(_ field: String, _ message: String) -> Problem {
        .invalid(FieldErrors([FieldError(field: field, message: message)]))
    }
}

extension HashingError: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .busy: .unavailable("Too many passwords are being checked.", retryAfterSeconds: 2)
        case .stopped: .unavailable("The service is shutting down.")
        case .tooLong: .invalid(FieldErrors([FieldError(field: "password", message: "is too long")]))
        case .failed: .internalError
        }
    }
}
