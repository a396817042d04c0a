import HTTPTypes
import ServiceKit

/// Accounts: registration for everybody, the rest for their owners and administrators.
extension Routes {
    private static let id = PathParameter("id", .identifier, "The account's number.")
    private static let name = QueryParameter.optional("name", Shapes.part, "A part of first and last name.")
    private static let email = QueryParameter.optional("email", Shapes.part, "A part of the address.")
    private static let company = QueryParameter.optional("company", Shapes.part, "A part of the company.")
    private static let validAt = QueryParameter.optional("valid_at", Shapes.timestamp, "Only those valid then.")

    var accountEndpoints: [Endpoint] {
        [register, verify, list, me, read, change, delete, deactivate, activate]
    }

    /// Not `idempotent`: a stored digest of a body with a password in it would be a fast hash of the password. That an
    /// address is unique makes a repetition harmless.
    private var register: Endpoint {
        Endpoint(
            .post, "/identity/accounts", "register", "Register; a message with a token is sent to the address",
            body: Registration.self, access: .anyone,
            answers: [
                .created(Account.self), .conflict("There is an account with this address."), Self.throttled,
            ]
        ) { call, form in
            let account = try await accounts.register(
                NewAccount(
                    email: form.email, firstName: form.firstName, lastName: form.lastName, company: form.company,
                    scopes: resources.settings.accountScopes),
                password: form.password, from: address(of: call))
            return .created(account, at: "/identity/accounts/\(account.id)", version: account.version)
        }
    }

    private var verify: Endpoint {
        Endpoint(
            .post, "/identity/accounts/verify", "verifyAccount", "Show that the address is one's own",
            body: VerificationForm.self, access: .anyone, answers: [.noContent]
        ) { _, form in
            try await accounts.verify(token: form.token)
            return .noContent
        }
    }

    private var list: Endpoint {
        Endpoint(
            .get, "/identity/accounts", "listAccounts", "Search accounts; for administrators",
            parameters: Paging.parameters + [Self.name, Self.email, Self.company, Self.validAt],
            access: .scope("identity:read"), answers: [.page(of: Account.self)]
        ) { call in
            try await resources.requester(of: call).requireAdministrator("identity:read")
            let request = try call.pageRequest()
            let filter = AccountFilter(
                name: call[Self.name], email: call[Self.email], company: call[Self.company],
                validAt: call[Self.validAt])
            let found = try await resources.store.search(
                filter, after: request.after ?? 0, count: request.fetchCount, in: resources.database)
            return .page(Page(fetched: found, request, position: \.id), of: call)
        }
    }

    private var me: Endpoint {
        Endpoint(
            .get, "/identity/me", "readMe", "Read one's own account", access: .bearer, answers: [.ok(Account.self)]
        ) { call in
            let id = try await resources.requester(of: call).account()
            return try await found(id)
        }
    }

    private var read: Endpoint {
        Endpoint(
            .get, "/identity/accounts/{id}", "readAccount", "Read an account; for its owner and administrators",
            parameters: [Self.id], access: .bearer, answers: [.ok(Account.self)]
        ) { call in
            try await resources.requester(of: call).require(ownerOf: call[Self.id], or: "identity:read")
            return try await found(call[Self.id])
        }
    }

    private func found(_ id: Int64) async throws -> Reply {
        guard let account = try await resources.store.findAccount(id, in: resources.database) else {
            throw Refusal.noSuchAccount(id)
        }
        return .ok(account, version: account.version)
    }

    private var change: Endpoint {
        Endpoint(
            .put, "/identity/accounts/{id}", "changeAccount",
            "Change an account; its owner the names, an administrator everything", parameters: [Self.id],
            body: AccountChange.self, access: .bearer, answers: [.ok(Account.self)], options: .guarded
        ) { call, change in
            let account = try await accounts.change(
                call[Self.id], to: change, versions: call.ifMatch().versions,
                by: try await resources.requester(of: call))
            return .ok(account, version: account.version)
        }
    }

    private var delete: Endpoint {
        Endpoint(
            .delete, "/identity/accounts/{id}", "deleteAccount", "Delete an inactive account; for administrators",
            parameters: [Self.id], access: .bearer,
            answers: [.noContent, .conflict("The account is active.")], options: .guarded
        ) { call in
            try await accounts.delete(
                call[Self.id], versions: call.ifMatch().versions, by: try await resources.requester(of: call))
            return .noContent
        }
    }

    private var deactivate: Endpoint {
        Endpoint(
            .post, "/identity/accounts/{id}/deactivate", "deactivateAccount",
            "End an account's sessions and tokens, and let it have no others; for its owner and administrators",
            parameters: [Self.id], access: .bearer, answers: [.ok(Account.self)]
        ) { call in
            let account = try await accounts.deactivate(call[Self.id], by: try await resources.requester(of: call))
            return .ok(account, version: account.version)
        }
    }

    private var activate: Endpoint {
        Endpoint(
            .post, "/identity/accounts/{id}/activate", "activateAccount",
            "Let an account sign in again; for administrators",
            parameters: [Self.id], access: .bearer, answers: [.ok(Account.self)]
        ) { call in
            let account = try await accounts.activate(call[Self.id], by: try await resources.requester(of: call))
            return .ok(account, version: account.version)
        }
    }
}
