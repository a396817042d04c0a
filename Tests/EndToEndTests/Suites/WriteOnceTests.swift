import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The same write, many times at once.
    @Suite struct WritingOnce {
        /// A creation of each service, and how its result is found again.
        struct Creation: Sendable, CustomTestStringConvertible {
            let path: String
            let body: String
            /// The field and value that only its result has.
            let mark: (name: String, value: JSON)

            var testDescription: String { path }

            static func make(_ part: RunningSystem.Part) -> Creation {
                let number = RunningSystem.uniqueNumber()
                switch part {
                case .accounting:
                    return Creation(
                        path: part.listPath, body: "{\"order_id\": \(number), \"order_sum\": 5.00}",
                        mark: ("order_id", .number(Decimal(number))))
                case .sales:
                    return Creation(
                        path: part.listPath,
                        body: """
                            {"customer_id": \(number), "items": [{"id": 1, "price": 1.00, "quantity": 1},
                             {"id": 2, "price": 2.00, "quantity": 2}]}
                            """, mark: ("customer_id", .number(Decimal(number))))
                case .identity, .warehouse, .gateway:
                    let name = RunningSystem.unique("Once")
                    return Creation(
                        path: RunningSystem.Part.warehouse.listPath, body: "{\"name\": \"\(name)\"}",
                        mark: ("name", .string(name)))
                }
            }

            func results(in system: RunningSystem) async throws -> [JSON] {
                try await system.all(path).filter { $0[mark.name] == mark.value }
            }
        }

        @Test(arguments: RunningSystem.Part.services)
        func `one key, twenty requests at the same time, one row`(of part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            let creation = Creation.make(part)
            let key = UUID().uuidString
            let answers = try await parallel(20) { number in
                try await untilTaken {
                    try await system.send(
                        "POST", creation.path, over: Client.library[number % 2], headers: [("idempotency-key", key)],
                        json: creation.body)
                }
            }
            for answer in answers { #expect(answer.status == 201, "\(answer)") }
            #expect(Set(answers.map(\.text)).count == 1, "all get the same answer")
            #expect(Set(answers.map { $0.header("location") }).count == 1)
            #expect(answers.count { $0.header("idempotency-replayed") == "true" } == 19)
            #expect(try await creation.results(in: system).count == 1)
        }

        @Test(arguments: RunningSystem.Part.services)
        func `a key is for one request: another body is refused`(of part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            let (creation, other) = (Creation.make(part), Creation.make(part))
            let key = [("idempotency-key", UUID().uuidString)]
            let first = try await system.send("POST", creation.path, headers: key, json: creation.body)
            #expect(first.status == 201, "\(first)")
            expectProblem(try await system.send("POST", creation.path, headers: key, json: other.body), 422)
            #expect(try await other.results(in: system).isEmpty)
            let again = try await system.send(
                "POST", creation.path, over: .curlHTTP1, headers: key, json: creation.body)
            #expect(again.status == 201)
            #expect(again.text == first.text)
        }

        @Test(arguments: RunningSystem.Part.services)
        func `another caller's key is another key`(of part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            let (creation, other) = (Creation.make(part), Creation.make(part))
            let key = [("idempotency-key", UUID().uuidString)]
            let mine = try await system.send("POST", creation.path, headers: key, json: creation.body)
            let theirs = try await system.send(
                "POST", other.path, as: .scopes("\(part):write"), headers: key, json: other.body)
            #expect(mine.status == 201, "\(mine)")
            #expect(theirs.status == 201, "\(theirs)")
            #expect(mine.json["id"] != theirs.json["id"])
        }

        @Test func `of twenty creations of the same item one succeeds`() async throws {
            let system = try RunningSystem.current
            let creation = Creation.make(.warehouse)
            let answers = try await parallel(20) { number in
                try await untilTaken {
                    try await system.send("POST", creation.path, over: Client.library[number % 2], json: creation.body)
                }
            }
            #expect(answers.count { $0.status == 201 } == 1)
            for answer in answers where answer.status != 201 { expectProblem(answer, 409) }
            #expect(try await creation.results(in: system).count == 1)
        }

        @Test func `of twenty changes of the same version one succeeds`() async throws {
            let system = try RunningSystem.current
            let item = try await system.createItem(RunningSystem.unique("Contested"))
            let tag = try #require(try await system.send("GET", "/warehouse/items/\(item)").header("etag"))
            let answers = try await parallel(20) { number in
                try await untilTaken {
                    try await system.send(
                        "PUT", "/warehouse/items/\(item)", over: Client.library[number % 2],
                        headers: [("if-match", tag)], json: "{\"quantity\": \(100 + number)}")
                }
            }
            #expect(answers.count { $0.status == 200 } == 1)
            for answer in answers where answer.status != 200 { expectProblem(answer, 412) }
            let winner = try #require(answers.first { $0.status == 200 })
            #expect(try await system.send("GET", "/warehouse/items/\(item)").json == winner.json)
        }
    }
}

/// Sends again what is answered with 503: on a busy machine the two seconds for a database connection may pass, and then
/// nothing was done.
private func untilTaken(_ send: () async throws -> Answer) async throws -> Answer {
    try await eventually("an answer but 503", within: .seconds(30), every: .milliseconds(50)) {
        let answer = try await send()
        return answer.status == 503 ? nil : answer
    }
}

/// Does the same thing several times at once.
///
/// - Returns: The results, in the order of their numbers.
func parallel<Result: Sendable>(
    _ count: Int, _ work: @escaping @Sendable (Int) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        for number in 0..<count { group.addTask { (number, try await work(number)) } }
        var results: [Int: Result] = [:]
        for try await (number, result) in group { results[number] = result }
        return (0..<count).compactMap { results[$0] }
    }
}
