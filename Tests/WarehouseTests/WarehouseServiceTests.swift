import HTTPTypes
import Logging
import Postgres
import ServiceKit
import ServiceTestSupport
import TestSupport
import Testing
import Warehouse

@Suite(.timeLimit(.minutes(2))) struct WarehouseServiceTests {
    @Test func `seeds three items once`() async throws {
        try await withWarehouse { warehouse, token in
            for _ in 0..<2 { try await warehouse.service.seed() }
            let items = try await warehouse.send(.get, "/warehouse/items", token: token).json["items"]?.elements
            #expect(items?.map { $0["price"]?.digits } == ["100.00", "50.00", "70.00"])
            #expect(items?.map { $0["quantity"]?.integer } == [10, 5, 7])
        }
    }

    @Test func `the OpenAPI document is valid and names every operation`() async throws {
        try await withWarehouse { warehouse, _ in
            let answer = try await warehouse.send(.get, "/warehouse/openapi.json")
            #expect(answer.status == 200)
            #expect(try await OpenAPIValidator.complaints(about: answer.text) == "")
            let operations = answer.json["paths"]?.members?.flatMap { path in
                path.value.members?.compactMap { $0.value["operationId"]?.string } ?? []
            }
            #expect(operations == ["listItems", "createItem", "readItem", "changeItem", "deleteItem"])
        }
    }

    @Test func `reading and writing need their scopes`() async throws {
        try await withWarehouse { warehouse, _ in
            let reader = try await warehouse.token(scopes: "warehouse:read")
            let writer = try await warehouse.token(scopes: "warehouse:write")
            let stranger = try await warehouse.token(scopes: "sales:read sales:write")
            let paths: [(HTTPRequest.Method, String, String?)] = [
                (.get, "/warehouse/items", nil), (.get, "/warehouse/items/1", nil),
                (.post, "/warehouse/items", #"{"name":"a"}"#), (.put, "/warehouse/items/1", "{}"),
                (.delete, "/warehouse/items/1", nil),
            ]
            for (method, path, body) in paths {
                let (right, wrong) = method == .get ? (reader, writer) : (writer, reader)
                for token in [wrong, stranger] {
                    let answer = try await warehouse.send(method, path, token: token, json: body)
                    #expect(answer.status == 403 && answer.isProblem, "\(method) \(path)")
                }
                #expect(try await warehouse.send(method, path, token: right, json: body).status != 403)
                #expect(try await warehouse.send(method, path, json: body).status == 401)
            }
        }
    }

    @Test func `the database itself refuses what the service would`() async throws {
        try await withWarehouse { warehouse, _ in
            let statements: [Statement] = [
                "INSERT INTO items (name, price_minor) VALUES ('a', -1)",
                "INSERT INTO items (name, quantity) VALUES ('a', -1)", "INSERT INTO items (name) VALUES ('')",
                "INSERT INTO items (name, price_currency) VALUES ('a', 'euro')",
            ]
            for statement in statements {
                let error = await #expect(throws: PostgresError.self) {
                    _ = try await warehouse.database.execute(statement, [])
                }
                #expect(error?.code == .checkViolation)
            }
        }
    }

    @Test func `migrating a second time changes nothing`() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try await PostgresServer.shared().makeDatabase()
        let migrator = Migrator(
            configuration: configuration, migrations: try WarehouseService.allMigrations, logger: logger)
        #expect(try await migrator.migrate() == ["v0000_idempotency_keys", "v0001_create_items"])
        #expect(try await migrator.migrate() == [])
    }
}
