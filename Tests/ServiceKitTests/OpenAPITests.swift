import HTTPTypes
import ServiceTestSupport
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(2))) struct OpenAPITests {
    @Test func `the document is valid OpenAPI, served to everybody`() async throws {
        try await withService(NotesService.self) { notes in
            let answer = try await notes.send(.get, "/notes/openapi.json")
            #expect(answer.status == 200 && answer.header("content-type") == "application/json")
            #expect(answer.json["openapi"]?.string == "3.1.0")
            #expect(try await OpenAPIValidator.complaints(about: answer.text) == "")
        }
    }

    @Test func `the judge does judge`() async throws {
        let document = #"{"openapi":"3.1.0","info":{"title":"x"},"paths":{}}"#
        #expect(try await OpenAPIValidator.complaints(about: document) != "")
    }

    @Test func `documents what ServiceKit itself answers`() async throws {
        try await withService(NotesService.self) { notes in
            let paths = try await notes.send(.get, "/notes/openapi.json").json["paths"]
            let statuses = { (path: String, method: String) in
                paths?[path]?[method]?["responses"]?.members?.map(\.name)
            }
            #expect(statuses("/notes", "get") == ["200", "304", "401", "403", "422", "500", "503"])
            #expect(
                statuses("/notes", "post") == ["201", "400", "401", "403", "409", "413", "415", "422", "500", "503"])
            #expect(
                statuses("/notes/{id}", "put")
                    == ["200", "400", "401", "403", "404", "412", "413", "415", "422", "500", "503"])
            let parameters = paths?["/notes"]?["post"]?["parameters"]?.elements?.compactMap { $0["name"]?.string }
            #expect(parameters == ["Idempotency-Key"])
            #expect(paths?["/notes"]?["post"]?["security"]?[0]?["token"]?[0]?.string == "notes:write")
        }
    }
}
