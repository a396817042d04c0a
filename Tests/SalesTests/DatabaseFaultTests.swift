import HTTPTypes
import Logging
import Postgres
import Sales
import ServiceTestSupport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct `While the database is killed and comes back` {
    /// Test clusters confirm before they have written their log; this test asks what survives a kill.
    private static func writeBeforeConfirming(_ configuration: PostgresConfiguration) async throws {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { connection in
            try await connection.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = on")
        }
    }

    private static let json = """
        {"customer_id": 1, "items": [{"id": 1, "price": 1, "quantity": 1}, {"id": 2, "price": 1, "quantity": 1}]}
        """

    @Test func `orders are placed whole or refused with 503, and none that was confirmed is lost`() async throws {
        let server = try await PostgresServer.start()
        do {
            try await withService(SalesService.self, server: server) { sales in
                try await Self.writeBeforeConfirming(sales.configuration)
                let token = try await sales.token(scopes: "sales:read sales:write")
                let (confirmations, confirmed) = AsyncStream.makeStream(of: Void.self)
                async let statuses = withThrowingTaskGroup { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var statuses: [Int] = []
                            for _ in 0..<60 {
                                let answer = try await sales.send(.post, "/sales/orders", token: token, json: Self.json)
                                statuses.append(answer.status)
                                confirmed.yield()
                            }
                            return statuses
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                // The fifth answer is there: work is under way.
                var answers = confirmations.makeAsyncIterator()
                for _ in 0..<5 { await answers.next() }
                try await server.restart(.immediate)

                let all = try await statuses
                #expect(Set(all).isSubset(of: [201, 503]))
                let afterwards = try await sales.send(.post, "/sales/orders", token: token, json: Self.json)
                #expect(afterwards.status == 201)
                let rows = try await sales.database.query(
                    """
                    SELECT count(*), count(*) FILTER (
                        WHERE (SELECT count(*) FROM order_lines WHERE order_id = orders.id) <> 2)
                    FROM orders
                    """)
                let (orders, incomplete) = try #require(rows.first).decode(Int.self, Int.self)
                #expect(incomplete == 0)
                #expect(orders >= all.count { $0 == 201 } + 1)
            }
        } catch {
            await server.remove()
            throw error
        }
        await server.remove()
    }
}
