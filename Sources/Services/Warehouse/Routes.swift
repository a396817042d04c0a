import HTTPTypes
import ServiceKit

/// The warehouse over HTTP.
struct Routes: Sendable {
    let store: Store
    let platform: Platform

    private static let id = PathParameter("id", .identifier, "The item's number.")
    private static let ids = QueryParameter.repeated(
        "id", Shape.identifier, maximumCount: ItemLimits.requestedIdentifiers,
        "Only the items with these numbers, all on one page: limit and cursor do not apply.")
    private static let reading = Access.scope("warehouse:read")
    private static let writing = Access.scope("warehouse:write")
    private static let duplicate = Answer.conflict("Another item has this name and country of origin.")

    var endpoints: [Endpoint] { [list, create, read, change, delete] }

    private var list: Endpoint {
        Endpoint(
            .get, "/warehouse/items", "listItems", "List items by their numbers",
            parameters: Paging.parameters + [Self.ids], access: Self.reading, answers: [.page(of: Item.self)]
        ) { call in
            let request = try call.pageRequest()
            if let ids = call[Self.ids] {
                let items = try await store.find(ids, in: platform.database)
                return .page(Page(items: items, next: nil), of: call)
            }
            let items = try await store.list(
                after: request.after ?? 0, count: request.fetchCount, in: platform.database)
            return .page(Page(fetched: items, request, position: \.id), of: call)
        }
    }

    private var create: Endpoint {
        Endpoint(
            .post, "/warehouse/items", "createItem", "Create an item", body: NewItem.self, access: Self.writing,
            answers: [.created(Item.self), Self.duplicate], options: .idempotent
        ) { call, new in
            try await platform.answerOnce(call) { database in
                let item = try await store.create(new, in: database)
                return .created(item, at: "/warehouse/items/\(item.id)", version: item.version)
            }
        }
    }

    private var read: Endpoint {
        Endpoint(
            .get, "/warehouse/items/{id}", "readItem", "Read an item", parameters: [Self.id], access: Self.reading,
            answers: [.ok(Item.self)]
        ) { call in
            guard let item = try await store.find(call[Self.id], in: platform.database) else {
                throw Refusal.noSuchItem(call[Self.id])
            }
            return .ok(item, version: item.version)
        }
    }

    private var change: Endpoint {
        Endpoint(
            .put, "/warehouse/items/{id}", "changeItem", "Change any of an item's properties", parameters: [Self.id],
            body: ItemChange.self, access: Self.writing, answers: [.ok(Item.self), Self.duplicate], options: .guarded
        ) { call, change in
            let changed = try await store.change(
                call[Self.id], to: change, versions: call.ifMatch().versions, in: platform.database)
            guard let changed else { throw try await refusal(of: call[Self.id]) }
            return .ok(changed, version: changed.version)
        }
    }

    private var delete: Endpoint {
        Endpoint(
            .delete, "/warehouse/items/{id}", "deleteItem", "Delete an item", parameters: [Self.id],
            access: Self.writing, answers: [.noContent], options: .guarded
        ) { call in
            let isDeleted = try await store.delete(
                call[Self.id], versions: call.ifMatch().versions, in: platform.database)
            guard isDeleted else { throw try await refusal(of: call[Self.id]) }
            return .noContent
        }
    }

    /// Why nothing was changed: the item is not there, or it is there in another version.
    private func refusal(of id: Int64) async throws -> Refusal {
        try await store.find(id, in: platform.database) == nil ? .noSuchItem(id) : .versionChanged
    }
}

extension Refusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .noSuchItem(let id): .notFound("There is no item \(id).")
        case .itemExists: .conflict("There is an item with this name and country of origin already.")
        case .versionChanged: .preconditionFailed
        }
    }
}
