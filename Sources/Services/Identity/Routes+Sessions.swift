import HTTPTypes
import ServiceKit

/// Sign-in, refresh, sign-out, and passwords.
extension Routes {
    private static let refused = Answer.problem(.badCredentials, "What was presented is not accepted.")

    var sessionEndpoints: [Endpoint] { [signIn, refresh, signOut] }

    var passwordEndpoints: [Endpoint] { [changePassword, forgotPassword, resetPassword] }

    private var signIn: Endpoint {
        Endpoint(
            .post, "/identity/sign-in", "signIn", "Sign in with address and password", body: SignInForm.self,
            access: .anyone, answers: [.issued(TokenPair.self), Self.refused, Self.throttled]
        ) { call, form in
            .issued(
                try await sessions.signIn(
                    form.email, password: form.password, scopes: form.scope, from: address(of: call)))
        }
    }

    private var refresh: Endpoint {
        Endpoint(
            .post, "/identity/refresh", "refresh",
            "Take a refresh token for a new pair; one that was used before ends the session", body: RefreshForm.self,
            access: .anyone, answers: [.issued(TokenPair.self), Self.refused, Self.throttled]
        ) { _, form in
            .issued(try await sessions.refresh(form.refreshToken))
        }
    }

    private var signOut: Endpoint {
        Endpoint(
            .post, "/identity/sign-out", "signOut", "End the session, and the access token that is presented",
            body: RefreshForm.self, access: .bearer, answers: [.noContent]
        ) { call, form in
            try await sessions.signOut(form.refreshToken, by: try await resources.requester(of: call))
            return .noContent
        }
    }

    private var changePassword: Endpoint {
        Endpoint(
            .post, "/identity/password", "changePassword", "Change one's password; all other sessions end",
            body: PasswordChangeForm.self, access: .bearer, answers: [.noContent, Self.throttled]
        ) { call, form in
            try await passwords.change(
                from: form.current, to: form.new, by: try await resources.requester(of: call), at: address(of: call))
            return .noContent
        }
    }

    private var forgotPassword: Endpoint {
        Endpoint(
            .post, "/identity/password/forgot", "forgotPassword",
            "Ask for a message with a token for a new password", body: ForgottenPasswordForm.self, access: .anyone,
            answers: [.accepted("A message is sent if there is such an account."), Self.throttled]
        ) { call, form in
            try await passwords.forget(form.email, from: address(of: call))
            return Reply(.accepted)
        }
    }

    private var resetPassword: Endpoint {
        Endpoint(
            .post, "/identity/password/reset", "resetPassword", "Set a password by a message's token; all sessions end",
            body: PasswordResetForm.self, access: .anyone, answers: [.noContent, Self.throttled]
        ) { call, form in
            try await passwords.reset(token: form.token, to: form.new, from: address(of: call))
            return .noContent
        }
    }
}
