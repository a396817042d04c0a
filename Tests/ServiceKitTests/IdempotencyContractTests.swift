import HTTPTypes
import Postgres
import ServiceTestSupport
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(2))) struct IdempotencyContractTests {
    typealias Notes = RunningService<NotesService>

    private func withNotes(
        _ test: @escaping @Sendable (_ notes: Notes, _ token: String) async throws -> Void
    ) async throws {
        try await withService(NotesService.self) { notes in
            try await test(notes, try await notes.token(scopes: "notes:read notes:write"))
        }
    }

    private static func count(_ table: Statement, in notes: Notes) async throws -> Int64 {
        try await notes.database.query(table, []).first?.decode(0, as: Int64.self) ?? -1
    }

    @Test func `gives the first answer again`() async throws {
        try await withNotes { notes, token in
            let headers = ["idempotency-key": "key-1"]
            let first = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"a"}"#)
            #expect(first.status == 201 && first.header("idempotency-replayed") == nil)
            let second = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"a"}"#)
            #expect(second.status == 201 && second.content == first.content)
            #expect(second.header("idempotency-replayed") == "true")
            for name in ["location", "etag", "content-type"] { #expect(second.header(name) == first.header(name)) }
            let other = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"b"}"#)
            #expect(other.status == 422 && other.isProblem)
            #expect(other.json["type"]?.string?.hasSuffix("idempotency-key-reused") == true)
            #expect(try await Self.count("SELECT count(*) FROM notes", in: notes) == 1)
        }
    }

    @Test func `twenty parallel requests with one key leave one row and get one answer`() async throws {
        try await withNotes { notes, token in
            let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await notes.send(
                            .post, "/notes", token: token, headers: ["idempotency-key": "same"], json: #"{"text":"a"}"#)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 })
            #expect(Set(answers.map(\.content)).count == 1)
            #expect(answers.filter { $0.header("idempotency-replayed") == nil }.count == 1)
            #expect(try await Self.count("SELECT count(*) FROM notes", in: notes) == 1)
            #expect(try await Self.count("SELECT count(*) FROM idempotency_keys", in: notes) == 1)
        }
    }

    @Test func `a key belongs to its subject`() async throws {
        try await withNotes { notes, token in
            let headers = ["idempotency-key": "shared"]
            let other = try await notes.token(subject: "somebody else", scopes: "notes:write")
            let first = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"a"}"#)
            let second = try await notes.send(.post, "/notes", token: other, headers: headers, json: #"{"text":"b"}"#)
            #expect(first.status == 201 && second.status == 201 && second.header("idempotency-replayed") == nil)
        }
    }

    @Test func `a refused request stores nothing and may be repeated`() async throws {
        try await withNotes { notes, token in
            _ = try await notes.send(.post, "/notes", token: token, json: #"{"text":"taken"}"#)
            let headers = ["idempotency-key": "retry"]
            let body = #"{"text":"taken"}"#
            let refused = try await notes.send(.post, "/notes", token: token, headers: headers, json: body)
            #expect(refused.status == 409 && refused.isProblem)
            #expect(try await Self.count("SELECT count(*) FROM idempotency_keys", in: notes) == 0)
            _ = try await notes.database.execute("DELETE FROM notes", [])
            let retried = try await notes.send(.post, "/notes", token: token, headers: headers, json: body)
            #expect(retried.status == 201 && retried.header("idempotency-replayed") == nil)
        }
    }

    @Test func `a day later the key is free again, and purged`() async throws {
        try await withNotes { notes, token in
            let headers = ["idempotency-key": "daily"]
            _ = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"a"}"#)
            _ = try await notes.database.execute(
                "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'", [])
            let next = try await notes.send(.post, "/notes", token: token, headers: headers, json: #"{"text":"b"}"#)
            #expect(next.status == 201 && next.header("idempotency-replayed") == nil)
            let keys = IdempotencyKeys(database: notes.database)
            #expect(try await keys.purgeExpired() == 0)
            _ = try await notes.database.execute(
                """
                INSERT INTO idempotency_keys (subject, method, path, key, request_digest, created_at)
                SELECT 'a', 'POST', '/x', n::text, '', now() - interval '25 hours' FROM generate_series(1, 2500) AS n
                """, [])
            #expect(try await keys.purgeExpired() == 2_500)
            #expect(try await Self.count("SELECT count(*) FROM idempotency_keys", in: notes) == 1)
        }
    }

    @Test(arguments: ["", String(repeating: "k", count: 256), "a b", "ä"])
    func `refuses keys that are no keys`(key: String) async throws {
        try await withNotes { notes, token in
            let answer = try await notes.send(
                .post, "/notes", token: token, headers: ["idempotency-key": key], json: #"{"text":"a"}"#)
            #expect(answer.status == 400 && answer.isProblem && answer.refusedFields == ["Idempotency-Key"])
            #expect(try await Self.count("SELECT count(*) FROM notes", in: notes) == 0)
        }
    }
}
