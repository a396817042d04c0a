import Foundation
import HTTPTypes
import Postgres
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceKit

/// What every service does alike, tried on ``NotesService`` over real sockets and a real database.
@Suite(.timeLimit(.minutes(2))) struct ServiceContractTests {
    typealias Notes = RunningService<NotesService>

    private func withNotes(
        _ test: @escaping @Sendable (_ notes: Notes, _ token: String) async throws -> Void
    ) async throws {
        try await withService(NotesService.self) { notes in
            try await test(notes, try await notes.token(scopes: "notes:read notes:write"))
        }
    }

    @Test func `answers unknown paths and methods with problems`() async throws {
        try await withNotes { notes, token in
            for path in ["/", "/nothing", "/notes/1/2", "/healthz", "/metrics"] {
                let answer = try await notes.send(.get, path, token: token)
                #expect(answer.status == 404 && answer.isProblem, "\(path)")
            }
            let wrongMethod = try await notes.send(.delete, "/notes", token: token)
            #expect(wrongMethod.status == 405 && wrongMethod.isProblem)
            #expect(wrongMethod.header("allow") == "GET, HEAD, POST, OPTIONS")
            let patch = try await notes.send(.patch, "/notes/1", token: token)
            #expect(patch.status == 405 && patch.header("allow") == "GET, HEAD, PUT, OPTIONS")
            let options = try await notes.send(.options, "/notes/1")
            #expect(options.status == 204 && options.header("allow") == "GET, HEAD, PUT, OPTIONS")
            #expect(try await notes.send(.options, "/nothing").status == 404)
        }
    }

    @Test func `serves HEAD like GET without the body`() async throws {
        try await withNotes { notes, token in
            _ = try await notes.send(.post, "/notes", token: token, json: #"{"text":"a"}"#)
            let get = try await notes.send(.get, "/notes/1", token: token)
            let head = try await notes.send(.head, "/notes/1", token: token)
            #expect(head.status == 200 && head.content.isEmpty)
            for name in ["etag", "content-type", "content-length"] { #expect(head.header(name) == get.header(name)) }
            let missing = try await notes.send(.head, "/notes/2", token: token)
            #expect(missing.status == 404 && missing.content.isEmpty)
        }
    }

    @Test func `needs a token with the scope`() async throws {
        try await withNotes { notes, token in
            let none = try await notes.send(.get, "/notes")
            #expect(none.status == 401 && none.isProblem && none.header("www-authenticate") == "Bearer")
            let basic = try await notes.send(.get, "/notes", headers: ["authorization": "Basic YTpi"])
            #expect(basic.status == 401)
            let invalid = try await notes.send(.get, "/notes", token: token + "x")
            #expect(invalid.status == 401 && invalid.isProblem)
            #expect(invalid.header("www-authenticate")?.hasPrefix(#"Bearer error="invalid_token""#) == true)
            let reader = try await notes.token(scopes: "notes:read")
            #expect(try await notes.send(.get, "/notes", token: reader).status == 200)
            let forbidden = try await notes.send(.post, "/notes", token: reader, json: "{")
            #expect(forbidden.status == 403 && forbidden.isProblem)
            #expect(forbidden.header("www-authenticate") == #"Bearer error="insufficient_scope", scope="notes:write""#)
            let lowerCase = try await notes.send(.get, "/notes", headers: ["authorization": "bearer \(token)"])
            #expect(lowerCase.status == 200)
        }
    }

    @Test func `refuses bodies that are no JSON, not declared as JSON or too large`() async throws {
        try await withNotes { notes, token in
            for text in ["", "{", "{\"text\":}", "nonsense"] {
                let answer = try await notes.send(.post, "/notes", token: token, json: text)
                #expect(answer.status == 400 && answer.isProblem, "\(text)")
            }
            let invalidUTF8 = try await notes.send(
                .post, "/notes", token: token, bytes: Array(#"{"text":""#.utf8) + [0xFF] + Array("\"}".utf8))
            #expect(invalidUTF8.status == 400 && invalidUTF8.isProblem)
            let text = try await notes.send(
                .post, "/notes", token: token, headers: ["content-type": "text/plain"], json: #"{"text":"a"}"#)
            #expect(text.status == 415 && text.isProblem)
            let compressed = try await notes.send(
                .post, "/notes", token: token, headers: ["content-encoding": "gzip"], json: #"{"text":"a"}"#)
            #expect(compressed.status == 415 && compressed.isProblem)
            let untyped = try await notes.send(.post, "/notes", token: token)
            #expect(untyped.status == 415 && untyped.isProblem)
            let large = try await notes.send(
                .post, "/notes", token: token, bytes: [UInt8](repeating: UInt8(ascii: " "), count: 10_000_000))
            #expect(large.status == 413 && large.isProblem)
            let invalid = try await notes.send(.post, "/notes", token: token, json: #"{"text":"a\u0000b","x":1}"#)
            #expect(invalid.status == 422 && invalid.isProblem && invalid.refusedFields == ["x", "text"])
            #expect(try await notes.send(.get, "/notes", token: token).json["items"]?.elements == [])
        }
    }

    @Test func `tells nobody what failed inside`() async throws {
        try await withNotes { notes, _ in
            for path in ["/notes/broken", "/notes/missing-column"] {
                let answer = try await notes.send(.get, path)
                #expect(answer.status == 500 && answer.isProblem)
                for secret in ["hunter2", "no_such_column", "InternalFailure", "SELECT", "42703"] {
                    #expect(!answer.text.contains(secret), "\(secret)")
                }
            }
        }
    }

    @Test func `keeps a valid request id and replaces any other`() async throws {
        try await withNotes { notes, token in
            let kept = try await notes.send(.get, "/notes", token: token, headers: ["x-request-id": "abc-1.2_3"])
            #expect(kept.header("x-request-id") == "abc-1.2_3")
            let replaced = try await notes.send(.get, "/nothing", headers: ["x-request-id": "a b{}"])
            let id = try #require(replaced.header("x-request-id"))
            #expect(RequestID.isValid(id) && replaced.json["request_id"]?.string == id && replaced.isProblem)
        }
    }

    @Test func `continues the caller's trace`() async throws {
        try await withNotes { notes, _ in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await notes.send(
                .get, "/notes/trace",
                headers: ["traceparent": "00-\(trace)-00f067aa0ba902b7-01", "x-request-id": "seen"])
            let words = answer.text.split(separator: " ")
            #expect(words.first == "seen" && words.last == "seen")
            #expect(words[1].hasPrefix("00-\(trace)-") && words[1].hasSuffix("-01"))
            #expect(!words[1].contains("00f067aa0ba902b7"))
            let broken = try await notes.send(.get, "/notes/trace", headers: ["traceparent": "00-zz-1-01"])
            #expect(broken.status == 200 && !broken.text.contains("zz"))
        }
    }

    @Test func `tags resources and honours conditions`() async throws {
        try await withNotes { notes, token in
            let created = try await notes.send(.post, "/notes", token: token, json: #"{"text":"a"}"#)
            #expect(created.status == 201 && created.header("location") == "/notes/1")
            let tag = try #require(created.header("etag"))
            let read = try await notes.send(.get, "/notes/1", token: token)
            #expect(read.header("etag") == tag && read.content == created.content)
            for known in [tag, "*", "W/\(tag)", "\"x\", \(tag)"] {
                let answer = try await notes.send(.get, "/notes/1", token: token, headers: ["if-none-match": known])
                #expect(answer.status == 304 && answer.content.isEmpty && answer.header("etag") == tag, "\(known)")
            }
            let other = try await notes.send(.get, "/notes/1", token: token, headers: ["if-none-match": "\"x\""])
            #expect(other.status == 200)
            let broken = try await notes.send(.get, "/notes/1", token: token, headers: ["if-none-match": "x"])
            #expect(broken.status == 400 && broken.isProblem && broken.refusedFields == ["If-None-Match"])

            let change = #"{"text":"b"}"#
            for stale in ["\"99\"", "W/\(tag)", "\"nonsense\""] {
                let answer = try await notes.send(
                    .put, "/notes/1", token: token, headers: ["if-match": stale], json: change)
                #expect(answer.status == 412 && answer.isProblem, "\(stale)")
            }
            let malformed = try await notes.send(
                .put, "/notes/1", token: token, headers: ["if-match": "x"], json: change)
            #expect(malformed.status == 400 && malformed.refusedFields == ["If-Match"])
            let changed = try await notes.send(
                .put, "/notes/1", token: token, headers: ["if-match": "\"x\", \(tag)"], json: change)
            #expect(changed.status == 200 && changed.header("etag") != tag)
            let any = try await notes.send(.put, "/notes/1", token: token, headers: ["if-match": "*"], json: change)
            #expect(any.status == 200)
        }
    }

    @Test func `one of many parallel changes of one version wins`() async throws {
        try await withNotes { notes, token in
            _ = try await notes.send(.post, "/notes", token: token, json: #"{"text":"a"}"#)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<10 {
                    group.addTask {
                        try await notes.send(
                            .put, "/notes/1", token: token, headers: ["if-match": "\"1\""],
                            json: #"{"text":"change \#(index)"}"#
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 412 }.count == 9)
        }
    }
}
