import HTTPTypes
import ServiceKit

/// Clients for machines, and API keys for devices.
extension Routes {
    private static let clientID = PathParameter("id", .identifier, "The client's number.")
    private static let keyID = PathParameter("id", .identifier, "The key's number.")
    private static let owner = QueryParameter.optional(
        "account_id", Shape.identifier, "Whose keys, for administrators; one's own when absent.")

    var machineEndpoints: [Endpoint] {
        [createKey, listKeys, deleteKey, createClient, listClients, deleteClient]
    }

    /// Not `idempotent`, as the creation of a client: its answer, which would be stored, shows a secret.
    private var createKey: Endpoint {
        Endpoint(
            .post, "/identity/api-keys", "createAPIKey", "Create a key for a device; it is shown only in the answer",
            body: NewAPIKey.self, access: .bearer,
            answers: [.issued(IssuedAPIKey.self, status: .created), .conflict("There are too many keys.")]
        ) { call, new in
            let (row, key) = try await machines.createAPIKey(new, by: try await resources.requester(of: call))
            return .issued(
                IssuedAPIKey(row: row, key: key), status: .created,
                headers: [.location: "/identity/api-keys/\(row.id)"])
        }
    }

    private var listKeys: Endpoint {
        Endpoint(
            .get, "/identity/api-keys", "listAPIKeys", "List keys, without what they are",
            parameters: Paging.parameters + [Self.owner], access: .bearer, answers: [.page(of: APIKey.self)]
        ) { call in
            let requester = try await resources.requester(of: call)
            let account = if let owner = call[Self.owner] { owner } else { try requester.account() }
            try requester.require(ownerOf: account, or: "identity:read")
            let request = try call.pageRequest()
            let keys = try await resources.store.listAPIKeys(
                of: account, after: request.after ?? 0, count: request.fetchCount, in: resources.database)
            return .page(Page(fetched: keys, request, position: \.id), of: call)
        }
    }

    private var deleteKey: Endpoint {
        Endpoint(
            .delete, "/identity/api-keys/{id}", "deleteAPIKey", "Delete a key; its tokens are revoked",
            parameters: [Self.keyID], access: .bearer, answers: [.noContent]
        ) { call in
            try await machines.deleteAPIKey(call[Self.keyID], by: try await resources.requester(of: call))
            return .noContent
        }
    }

    private var createClient: Endpoint {
        Endpoint(
            .post, "/identity/clients", "createClient",
            "Create a client for a machine; its secret is shown only in the answer; for administrators",
            body: NewClient.self, access: .bearer, answers: [.issued(IssuedClient.self, status: .created)]
        ) { call, new in
            let (client, secret) = try await machines.createClient(new, by: try await resources.requester(of: call))
            return .issued(
                IssuedClient(client: client, secret: secret), status: .created,
                headers: [.location: "/identity/clients/\(client.id)"])
        }
    }

    private var listClients: Endpoint {
        Endpoint(
            .get, "/identity/clients", "listClients", "List clients; for administrators",
            parameters: Paging.parameters, access: .bearer, answers: [.page(of: Client.self)]
        ) { call in
            try await resources.requester(of: call).requireAdministrator("identity:read")
            let request = try call.pageRequest()
            let clients = try await resources.store.listClients(
                after: request.after ?? 0, count: request.fetchCount, in: resources.database)
            return .page(Page(fetched: clients, request, position: \.id), of: call)
        }
    }

    private var deleteClient: Endpoint {
        Endpoint(
            .delete, "/identity/clients/{id}", "deleteClient",
            "Delete a client; its tokens are revoked; for administrators", parameters: [Self.clientID],
            access: .bearer, answers: [.noContent]
        ) { call in
            try await machines.deleteClient(call[Self.clientID], by: try await resources.requester(of: call))
            return .noContent
        }
    }
}
