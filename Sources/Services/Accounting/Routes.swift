import HTTPTypes
import ServiceKit

/// Accounting over HTTP.
struct Routes: Sendable {
    let store: Store
    let platform: Platform

    private static let id = PathParameter("id", .identifier, "The transaction's number.")
    private static let reading = Access.scope("accounting:read")
    private static let writing = Access.scope("accounting:write")

    var endpoints: [Endpoint] { [list, record, read, change, void] }

    private var list: Endpoint {
        Endpoint(
            .get, "/accounting/transactions", "listTransactions", "List transactions by their numbers",
            parameters: Paging.parameters, access: Self.reading, answers: [.page(of: Transaction.self)]
        ) { call in
            let request = try call.pageRequest()
            let transactions = try await store.list(
                after: request.after ?? 0, count: request.fetchCount, in: platform.database)
            return .page(Page(fetched: transactions, request, position: \.id), of: call)
        }
    }

    private var record: Endpoint {
        Endpoint(
            .post, "/accounting/transactions", "recordTransaction", "Record a transaction for an order",
            body: NewTransaction.self, access: Self.writing, answers: [.created(Transaction.self)],
            options: .idempotent
        ) { call, new in
            try await platform.answerOnce(call) { database in
                let transaction = try await store.record(new, in: database)
                return .created(
                    transaction, at: "/accounting/transactions/\(transaction.id)", version: transaction.version)
            }
        }
    }

    private var read: Endpoint {
        Endpoint(
            .get, "/accounting/transactions/{id}", "readTransaction", "Read a transaction", parameters: [Self.id],
            access: Self.reading, answers: [.ok(Transaction.self)]
        ) { call in
            guard let transaction = try await store.find(call[Self.id], in: platform.database) else {
                throw Refusal.noSuchTransaction(call[Self.id])
            }
            return .ok(transaction, version: transaction.version)
        }
    }

    private var change: Endpoint {
        Endpoint(
            .put, "/accounting/transactions/{id}", "changeTransaction", "Assign a transaction to another order",
            parameters: [Self.id], body: TransactionChange.self, access: Self.writing,
            answers: [.ok(Transaction.self)], options: .guarded
        ) { call, change in
            let changed = try await store.change(
                call[Self.id], to: change, versions: call.ifMatch().versions, in: platform.database)
            guard let changed else { throw try await refusal(of: call[Self.id]) }
            return .ok(changed, version: changed.version)
        }
    }

    private var void: Endpoint {
        Endpoint(
            .delete, "/accounting/transactions/{id}", "voidTransaction",
            "Void a transaction: it is kept in the ledger, but not shown any more", parameters: [Self.id],
            access: Self.writing, answers: [.noContent], options: .guarded
        ) { call in
            let isVoided = try await store.void(
                call[Self.id], by: call.caller.subject, versions: call.ifMatch().versions, in: platform.database)
            guard isVoided else { throw try await refusal(of: call[Self.id]) }
            return .noContent
        }
    }

    /// Why nothing was changed: the transaction is not there, or it is there in another version.
    private func refusal(of id: Int64) async throws -> Refusal {
        try await store.find(id, in: platform.database) == nil ? .noSuchTransaction(id) : .versionChanged
    }
}

extension Refusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .noSuchTransaction(let id): .notFound("There is no transaction \(id).")
        case .versionChanged: .preconditionFailed
        }
    }
}
