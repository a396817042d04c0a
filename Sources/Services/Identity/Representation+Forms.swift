import ServiceKit

struct Registration: RequestForm {
    private enum Fields {
        static let email = Field.required("email", Shapes.email, "The address; a message is sent to it.")
        static let password = Field.required("password", Shapes.newPassword, "8 to 1,024 bytes in UTF-8.")
        static let firstName = Field.required("first_name", Shapes.name, "First name.")
        static let lastName = Field.required("last_name", Shapes.name, "Last name.")
        static let company = Field.defaulted("company", Shapes.company, "The company, if there is one.", "")
    }

    static let form = Form<Registration>(
        "Registration", "A person who wants an account.",
        [Fields.email, Fields.password, Fields.firstName, Fields.lastName, Fields.company])

    let email: EmailAddress
    let password: Password
    let firstName: String
    let lastName: String
    let company: String

    init(_ values: FormValues) {
        email = values[Fields.email]
        password = values[Fields.password]
        firstName = values[Fields.firstName]
        lastName = values[Fields.lastName]
        company = values[Fields.company]
    }
}

struct SignInForm: RequestForm {
    private enum Fields {
        static let email = Field.required("email", Shapes.email, "The account's address.")
        static let password = Field.required("password", Shapes.password, "Its password.")
        static let scope = Field.optional(
            "scope", Shapes.scope, "What the tokens may do at most; all that the account may, when absent.")
    }

    static let form = Form<SignInForm>(
        "SignIn", "What somebody signs in with.", [Fields.email, Fields.password, Fields.scope])

    let email: EmailAddress
    let password: Password
    let scope: [String]?

    init(_ values: FormValues) {
        email = values[Fields.email]
        password = values[Fields.password]
        scope = values[Fields.scope]
    }
}

struct RefreshForm: RequestForm {
    private static let token = Field.required("refresh_token", Shapes.token, "The refresh token.")
    static let form = Form<RefreshForm>("RefreshToken", "A refresh token.", [token])

    let refreshToken: String

    init(_ values: FormValues) { refreshToken = values[Self.token] }
}

struct VerificationForm: RequestForm {
    private static let token = Field.required("token", Shapes.token, "The token of the message.")
    static let form = Form<VerificationForm>("Verification", "The token of a message.", [token])

    let token: String

    init(_ values: FormValues) { token = values[Self.token] }
}

struct PasswordChangeForm: RequestForm {
    private static let current = Field.required("current_password", Shapes.password, "The password until now.")
    private static let new = Field.required("new_password", Shapes.newPassword, "8 to 1,024 bytes in UTF-8.")
    static let form = Form<PasswordChangeForm>("PasswordChange", "A new password.", [current, new])

    let current: Password
    let new: Password

    init(_ values: FormValues) {
        current = values[Self.current]
        new = values[Self.new]
    }
}

struct ForgottenPasswordForm: RequestForm {
    private static let email = Field.required("email", Shapes.email, "The account's address.")
    static let form = Form<ForgottenPasswordForm>("ForgottenPassword", "Where to send a message.", [email])

    let email: EmailAddress

    init(_ values: FormValues) { email = values[Self.email] }
}

struct PasswordResetForm: RequestForm {
    private static let token = Field.required("token", Shapes.token, "The token of the message.")
    private static let new = Field.required("new_password", Shapes.newPassword, "8 to 1,024 bytes in UTF-8.")
    static let form = Form<PasswordResetForm>("PasswordReset", "A new password by a message's token.", [token, new])

    let token: String
    let new: Password

    init(_ values: FormValues) {
        token = values[Self.token]
        new = values[Self.new]
    }
}

extension AccountChange: RequestForm {
    private enum Fields {
        static let firstName = Field.optional("first_name", Shapes.name, "The new first name.")
        static let lastName = Field.optional("last_name", Shapes.name, "The new last name.")
        static let company = Field.optional("company", Shapes.company, "The new company.")
        static let roles = Field.optional("roles", Shapes.roles, "The roles; for administrators.")
        static let scopes = Field.optional("scopes", Shapes.scopes, "The scopes; for administrators.")
        static let validFrom = Field.optional(
            "valid_from", Shapes.timestamp, "From when it is valid; for administrators.")
        static let validThru = Field.optional(
            "valid_thru", Shapes.validityEnd, "Until when it is valid, later than valid_from; for administrators.")
    }

    static let form = Form<AccountChange>(
        "AccountChange", "New values for any of an account's properties; the others stay.",
        [
            Fields.firstName, Fields.lastName, Fields.company, Fields.roles, Fields.scopes, Fields.validFrom,
            Fields.validThru,
        ])

    init(_ values: FormValues) {
        firstName = values[Fields.firstName]
        lastName = values[Fields.lastName]
        company = values[Fields.company]
        roles = values[Fields.roles].map(Grants.unique)
        scopes = values[Fields.scopes].map(Grants.unique)
        validFrom = values[Fields.validFrom]
        validThru = values[Fields.validThru]
    }
}

extension NewClient: RequestForm {
    private static let nameField = Field.required("name", Shapes.name, "What people call it.")
    private static let scopesField = Field.required("scopes", Shapes.scopes, "What it may do.")
    static let form = Form<NewClient>("NewClient", "A machine that is to get a secret.", [nameField, scopesField])

    init(_ values: FormValues) {
        self.init(name: values[Self.nameField], scopes: Grants.unique(values[Self.scopesField]))
    }
}

extension NewAPIKey: RequestForm {
    private static let nameField = Field.required("name", Shapes.name, "What people call it.")
    private static let scopesField = Field.required(
        "scopes", Shapes.scopes, "What it may do: nothing that its account may not.")
    private static let expiresField = Field.optional("expires_at", Shapes.timestamp, "Until when it is good.")
    static let form = Form<NewAPIKey>(
        "NewAPIKey", "A key for a device.", [nameField, scopesField, expiresField])

    init(_ values: FormValues) {
        self.init(
            name: values[Self.nameField], scopes: Grants.unique(values[Self.scopesField]),
            expiresAt: values[Self.expiresField])
    }
}
