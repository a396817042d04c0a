import HTTPTypes
import ServiceKit

/// Sales over HTTP.
struct Routes: Sendable {
    let store: Store
    let platform: Platform
    let warehouse: WarehouseClient
    /// How long a list of sold items may take.
    let warehouseTimeout: Duration

    private static let id = PathParameter("id", .identifier, "The order's number.")
    private static let reading = Access.scope("sales:read")
    private static let writing = Access.scope("sales:write")

    var endpoints: [Endpoint] { [list, place, read, change, delete, soldItems] }

    private var list: Endpoint {
        Endpoint(
            .get, "/sales/orders", "listOrders", "List orders by their numbers", parameters: Paging.parameters,
            access: Self.reading, answers: [.page(of: Order.self)]
        ) { call in
            let request = try call.pageRequest()
            let orders = try await store.list(
                after: request.after ?? 0, count: request.fetchCount, in: platform.database)
            return .page(Page(fetched: orders, request, position: \.id), of: call)
        }
    }

    private var place: Endpoint {
        Endpoint(
            .post, "/sales/orders", "placeOrder", "Place an order", body: NewOrder.self, access: Self.writing,
            answers: [.created(Order.self)], options: .idempotent
        ) { call, new in
            try await platform.answerOnce(call) { database in
                let order = try await store.place(new, in: database)
                return .created(order, at: "/sales/orders/\(order.id)", version: order.version)
            }
        }
    }

    private var read: Endpoint {
        Endpoint(
            .get, "/sales/orders/{id}", "readOrder", "Read an order", parameters: [Self.id], access: Self.reading,
            answers: [.ok(Order.self)]
        ) { call in
            guard let order = try await store.find(call[Self.id], in: platform.database) else {
                throw Refusal.noSuchOrder(call[Self.id])
            }
            return .ok(order, version: order.version)
        }
    }

    private var change: Endpoint {
        Endpoint(
            .put, "/sales/orders/{id}", "changeOrder", "Assign an order to another customer", parameters: [Self.id],
            body: OrderChange.self, access: Self.writing, answers: [.ok(Order.self)], options: .guarded
        ) { call, change in
            let changed = try await store.change(
                call[Self.id], to: change, versions: call.ifMatch().versions, in: platform.database)
            guard let changed else { throw try await refusal(of: call[Self.id]) }
            return .ok(changed, version: changed.version)
        }
    }

    private var delete: Endpoint {
        Endpoint(
            .delete, "/sales/orders/{id}", "deleteOrder", "Delete an order with its lines", parameters: [Self.id],
            access: Self.writing, answers: [.noContent], options: .guarded
        ) { call in
            let isDeleted = try await store.delete(
                call[Self.id], versions: call.ifMatch().versions, in: platform.database)
            guard isDeleted else { throw try await refusal(of: call[Self.id]) }
            return .noContent
        }
    }

    private var soldItems: Endpoint {
        Endpoint(
            .get, "/sales/sold_items", "listSoldItems", "List what was sold, by the numbers of items",
            parameters: Paging.parameters, access: .scopes(["sales:read", "warehouse:read"]),
            answers: [.page(of: SoldItem.self)]
        ) { call in
            let deadline = ContinuousClock.now + warehouseTimeout
            let request = try call.pageRequest()
            let sold = try await store.soldItems(
                after: request.after ?? 0, count: request.fetchCount, in: platform.database)
            let page = Page(fetched: sold, request, position: \.itemID)
            let items = try await warehouse.items(
                page.items.map(\.itemID), token: call.caller.token, deadline: deadline)
            return .page(page.map { SoldItem(sales: $0, item: items[$0.itemID]) }, of: call)
        }
    }

    /// Why nothing was changed: the order is not there, or it is there in another version.
    private func refusal(of id: Int64) async throws -> Refusal {
        try await store.find(id, in: platform.database) == nil ? .noSuchOrder(id) : .versionChanged
    }
}

extension Refusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .noSuchOrder(let id): .notFound("There is no order \(id).")
        case .versionChanged: .preconditionFailed
        }
    }
}

extension WarehouseFailure: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .refusedToken:
            Problem(
                .forbidden, "The warehouse, which has the data of the items, does not accept this access token.",
                headers: [
                    .wwwAuthenticate: "Bearer error=\"insufficient_scope\", scope=\"sales:read warehouse:read\""
                ])
        case .unexpectedStatus, .notUnderstood, .connectionClosed, .unreachable:
            .unavailable("The warehouse, which has the data of the items, is not available.", retryAfterSeconds: 2)
        case .timedOut:
            .unavailable(
                "The warehouse, which has the data of the items, did not answer in time.", retryAfterSeconds: 2)
        }
    }
}
