import Accounting
import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

private let transactions = "/accounting/transactions"
private let allScopes = "accounting:read accounting:write"

private func withAccounting(
    _ test: @escaping @Sendable (RunningService<AccountingService>, _ token: String) async throws -> Void
) async throws {
    try await withService(AccountingService.self) { service in
        try await test(service, service.token(subject: "alice", scopes: allScopes))
    }
}

@Suite(.timeLimit(.minutes(2)))
struct `Recording a transaction` {
    @Test func `answers with the transaction and where it is`() async throws {
        try await withAccounting { service, token in
            let answer = try await service.send(
                .post, transactions, token: token, json: #"{"order_id": 7, "order_sum": 420.5}"#)
            #expect(answer.status == 201)
            #expect(answer.header("location") == "\(transactions)/1")
            #expect(answer.header("etag") == "\"1\"")
            #expect(answer.json["id"] == 1 && answer.json["order_id"] == 7)
            #expect(answer.json["sum"] == .number("420.50"))
            let date = try #require(answer.json["date"]?.string)
            #expect(Timestamp(date)?.description == date)
            #expect(answer.json.members?.map(\.name) == ["id", "order_id", "sum", "date"])

            let read = try await service.send(.get, "\(transactions)/1", token: token)
            #expect(read.status == 200)
            #expect(read.content == answer.content)
        }
    }

    @Test(arguments: ["0", "0.00", "0.01", "1000000000000.00", "900719925474.99"])
    func `keeps a sum exactly`(sum: String) async throws {
        try await withAccounting { service, token in
            let answer = try await service.send(
                .post, transactions, token: token, json: "{\"order_id\": 1, \"order_sum\": \(sum)}")
            #expect(answer.status == 201)
            let digits = sum.contains(".") ? sum : sum + ".00"
            #expect(answer.json["sum"] == .number(digits))
        }
    }

    @Test func `refuses bad input and stores nothing`() async throws {
        try await withAccounting { service, token in
            for (json, status, fields) in BadInput.recording {
                let answer = try await service.send(.post, transactions, token: token, json: json)
                #expect(answer.status == status, "\(json)")
                #expect(answer.isProblem, "\(json)")
                #expect(answer.refusedFields == fields, "\(json)")
            }
            let list = try await service.send(.get, transactions, token: token)
            #expect(list.json["items"] == [])
        }
    }

    @Test func `does its work once per Idempotency-Key, however often it is sent at once`() async throws {
        try await withAccounting { service, token in
            let json = #"{"order_id": 7, "order_sum": 1}"#
            let answers = try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await service.send(
                            .post, transactions, token: token, headers: ["idempotency-key": "k-1"], json: json)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 })
            #expect(Set(answers.map(\.content)).count == 1)
            let rows = try await service.database.query("SELECT count(*) FROM transactions")
            #expect(try rows.first?.decode(0, as: Int64.self) == 1)

            let other = try await service.send(
                .post, transactions, token: token, headers: ["idempotency-key": "k-1"],
                json: #"{"order_id": 8, "order_sum": 1}"#)
            #expect(other.status == 422 && other.isProblem)
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct `A recorded transaction` {
    @Test func `moves to another order and changes in nothing else`() async throws {
        try await withAccounting { service, token in
            let created = try await service.record(token, orderID: 1, sum: "5.00")
            let changed = try await service.send(.put, "\(transactions)/1", token: token, json: #"{"order_id": 2}"#)
            #expect(changed.status == 200)
            #expect(changed.header("etag") == "\"2\"")
            #expect(changed.json["order_id"] == 2)
            #expect(changed.json["sum"] == created.json["sum"] && changed.json["date"] == created.json["date"])

            for json in [#"{"order_id": 2, "order_sum": 1}"#, #"{"sum": 1}"#, "{}", #"{"order_id": 0}"#] {
                let answer = try await service.send(.put, "\(transactions)/1", token: token, json: json)
                #expect(answer.status == 422 && answer.isProblem, "\(json)")
            }
            let read = try await service.send(.get, "\(transactions)/1", token: token)
            #expect(read.content == changed.content)
        }
    }

    @Test func `is changed and voided only in the version that the caller has seen`() async throws {
        try await withAccounting { service, token in
            _ = try await service.record(token, orderID: 1, sum: "5.00")
            let path = "\(transactions)/1"
            let stale = ["if-match": "\"9\""]
            let change = try await service.send(.put, path, token: token, headers: stale, json: #"{"order_id": 2}"#)
            #expect(change.status == 412 && change.isProblem)
            #expect(try await service.send(.delete, path, token: token, headers: stale).status == 412)
            let current = ["if-match": "\"9\", \"1\""]
            let changed = try await service.send(.put, path, token: token, headers: current, json: #"{"order_id": 2}"#)
            #expect(changed.status == 200)
            #expect(try await service.send(.delete, path, token: token, headers: ["if-match": "*"]).status == 204)
        }
    }

    @Test func `is voided by deletion: nobody sees it, and the ledger keeps it`() async throws {
        try await withAccounting { service, token in
            _ = try await service.record(token, orderID: 1, sum: "5.00")
            _ = try await service.record(token, orderID: 2, sum: "6.00")
            let path = "\(transactions)/1"
            let voided = try await service.send(.delete, path, token: token)
            #expect(voided.status == 204 && voided.content.isEmpty)

            #expect(try await service.send(.get, path, token: token).status == 404)
            #expect(try await service.send(.head, path, token: token).status == 404)
            #expect(try await service.send(.put, path, token: token, json: #"{"order_id": 3}"#).status == 404)
            #expect(try await service.send(.delete, path, token: token).status == 404)
            let list = try await service.send(.get, transactions, token: token)
            #expect(list.json["items"]?.elements?.compactMap { $0["id"]?.integer } == [2])

            let rows = try await service.database.query(
                "SELECT sum_minor, voided_by, voided_at IS NOT NULL FROM transactions WHERE id = 1")
            let (sum, subject, isDated) = try #require(rows.first).decode(Int64.self, String.self, Bool.self)
            #expect(sum == 500 && subject == "alice" && isDated)
        }
    }

    @Test(
        arguments: [
            "DELETE FROM transactions", "UPDATE transactions SET sum_minor = 1",
            "UPDATE transactions SET recorded_at = now() - interval '1 day'",
            "UPDATE transactions SET voided_at = NULL, voided_by = NULL WHERE id = 2",
        ] as [Statement])
    func `is kept even from whoever works in the database`(statement: Statement) async throws {
        try await withAccounting { service, token in
            _ = try await service.record(token, orderID: 1, sum: "5.00")
            _ = try await service.record(token, orderID: 2, sum: "6.00")
            #expect(try await service.send(.delete, "\(transactions)/2", token: token).status == 204)
            let error = await #expect(throws: PostgresError.self) { try await service.database.execute(statement) }
            #expect(error?.sqlState == "23001")
        }
    }

    @Test(arguments: ["0", "-1", "2", "9223372036854775807", "9223372036854775808", "abc", "1.0", "%00"])
    func `is not found under an unknown number with any method`(id: String) async throws {
        try await withAccounting { service, token in
            _ = try await service.record(token, orderID: 1, sum: "5.00")
            let path = "\(transactions)/\(id)"
            for method in [HTTPRequest.Method.get, .delete] {
                #expect(try await service.send(method, path, token: token).status == 404)
            }
            #expect(try await service.send(.put, path, token: token, json: #"{"order_id": 1}"#).status == 404)
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct `The ledger` {
    @Test func `is listed page by page, each transaction once`() async throws {
        try await withAccounting { service, token in
            for orderID in 1...5 { _ = try await service.record(token, orderID: orderID, sum: "1.00") }
            var seen: [Int64] = []
            var path: String? = "\(transactions)?limit=2"
            while let next = path, seen.count < 10 {
                let page = try await service.send(.get, next, token: token)
                #expect(page.status == 200)
                seen += page.json["items"]?.elements?.compactMap { $0["id"]?.integer } ?? []
                path = page.json["next"]?.string.map { "\(transactions)?limit=2&cursor=\($0)" }
                #expect((page.header("link") != nil) == (path != nil))
            }
            #expect(seen == [1, 2, 3, 4, 5])
        }
    }

    @Test(arguments: ["limit=0", "limit=201", "limit=x", "limit=99999999999999999999", "cursor=nonsense", "page=2"])
    func `refuses absurd pages`(query: String) async throws {
        try await withAccounting { service, token in
            let answer = try await service.send(.get, "\(transactions)?\(query)", token: token)
            #expect(answer.status == 422 && answer.isProblem)
        }
    }

    @Test func `is closed to those without token or scope`() async throws {
        try await withAccounting { service, _ in
            #expect(try await service.send(.get, transactions).status == 401)
            let reader = try await service.token(scopes: "accounting:read")
            #expect(try await service.send(.get, transactions, token: reader).status == 200)
            let json = #"{"order_id": 1, "order_sum": 1}"#
            let refused = try await service.send(.post, transactions, token: reader, json: json)
            #expect(refused.status == 403 && refused.isProblem)
            let stranger = try await service.token(scopes: "sales:read sales:write")
            #expect(try await service.send(.get, transactions, token: stranger).status == 403)
        }
    }

    @Test func `is seeded with two transactions, once`() async throws {
        try await withAccounting { service, token in
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 { group.addTask { try await service.service.seed() } }
                try await group.waitForAll()
            }
            let list = try await service.send(.get, transactions, token: token)
            let sums = list.json["items"]?.elements?.map { [$0["order_id"], $0["sum"]] }
            #expect(sums == [[1, .number("470.00")], [2, .number("420.00")]])
            #expect(try await service.send(.delete, "\(transactions)/1", token: token).status == 204)
            try await service.service.seed()
            #expect(try await service.send(.get, "\(transactions)/1", token: token).status == 404)
        }
    }
}

extension RunningService<AccountingService> {
    fileprivate func record(_ token: String, orderID: Int, sum: String) async throws -> TestAnswer {
        let answer = try await send(
            .post, transactions, token: token, json: "{\"order_id\": \(orderID), \"order_sum\": \(sum)}")
        #expect(answer.status == 201)
        return answer
    }
}

private enum BadInput {
    /// Bodies, the status they deserve, and the fields that the problem names.
    static let recording: [(json: String, status: Int, fields: [String])] = [
        (#"{"order_id": 1, "order_sum": -0.01}"#, 422, ["order_sum"]),
        (#"{"order_id": 1, "order_sum": 1.001}"#, 422, ["order_sum"]),
        (#"{"order_id": 1, "order_sum": 1e2}"#, 422, ["order_sum"]),
        (#"{"order_id": 1, "order_sum": 1000000000000.01}"#, 422, ["order_sum"]),
        (#"{"order_id": 1, "order_sum": 99999999999999999999999}"#, 422, ["order_sum"]),
        (#"{"order_id": 1, "order_sum": "1.00"}"#, 422, ["order_sum"]),
        (#"{"order_id": 0, "order_sum": 1}"#, 422, ["order_id"]),
        (#"{"order_id": 1.0, "order_sum": 1}"#, 422, ["order_id"]),
        (#"{"order_id": 9223372036854775808, "order_sum": 1}"#, 422, ["order_id"]),
        (#"{"order_id": null, "order_sum": null}"#, 422, ["order_id", "order_sum"]),
        (#"{"order_id": 1, "order_sum": 1, "date": "2026-01-01T00:00:00Z"}"#, 422, ["date"]),
        (#"{"order_id": 1, "order_id": 2, "order_sum": 1}"#, 422, ["order_id"]),
        ("{}", 422, ["order_id", "order_sum"]),
        (#"{"order_id": 1, "order_sum": 1"#, 400, []),
        (#"{"order_id": 1, "order_sum": NaN}"#, 400, []),
    ]
}
