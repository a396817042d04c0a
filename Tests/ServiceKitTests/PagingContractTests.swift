import HTTPTypes
import Postgres
import ServiceTestSupport
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(2))) struct PagingContractTests {
    @Test func `leads through the whole list, page by page`() async throws {
        try await withService(NotesService.self) { notes in
            let token = try await notes.token(scopes: "notes:read notes:write")
            _ = try await notes.database.execute(
                "INSERT INTO notes (text) SELECT 'note ' || n FROM generate_series(1, 23) AS n", [])
            var seen: [Int64] = []
            var path: String? = "/notes?limit=5"
            var pages = 0
            while let current = path, pages < 10 {
                let answer = try await notes.send(.get, current, token: token)
                #expect(answer.status == 200)
                seen += answer.json["items"]?.elements?.compactMap { $0["id"]?.integer } ?? []
                let link = answer.header("link")
                if let next = answer.json["next"]?.string {
                    #expect(link == "</notes?limit=5&cursor=\(next)>; rel=\"next\"")
                    path = link?.dropFirst().split(separator: ">").first.map(String.init)
                } else {
                    #expect(answer.json["next"] == .null && link == nil)
                    path = nil
                }
                pages += 1
            }
            #expect(seen == Array(1...23) && pages == 5)
            let whole = try await notes.send(.get, "/notes?limit=23", token: token)
            #expect(whole.json["items"]?.elements?.count == 23 && whole.json["next"] == .null)
        }
    }

    @Test func `returns fifty unless told otherwise, tagged by its content`() async throws {
        try await withService(NotesService.self) { notes in
            let token = try await notes.token(scopes: "notes:read notes:write")
            _ = try await notes.database.execute(
                "INSERT INTO notes (text) SELECT 'note ' || n FROM generate_series(1, 60) AS n", [])
            let answer = try await notes.send(.get, "/notes", token: token)
            #expect(answer.json["items"]?.elements?.count == 50)
            let tag = try #require(answer.header("etag"))
            let same = try await notes.send(.get, "/notes", token: token, headers: ["if-none-match": tag])
            #expect(same.status == 304)
            _ = try await notes.database.execute("UPDATE notes SET text = 'x' WHERE id = 50", [])
            let changed = try await notes.send(.get, "/notes", token: token, headers: ["if-none-match": tag])
            #expect(changed.status == 200 && changed.header("etag") != tag)
        }
    }

    @Test(arguments: [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
        ("limit=1.0", "limit"), ("limit=99999999999999999999", "limit"), ("limit=1&limit=2", "limit"),
        ("limit=%221%22", "limit"), ("limit=%205", "limit"), ("limit=5%0A", "limit"),
        ("cursor=", "cursor"), ("cursor=x", "cursor"), ("cursor=1", "cursor"),
        ("cursor=AAAAAAAAAAAAAAAAAA", "cursor"), ("cursor=%00", "cursor"), ("cursor=%27;DROP+TABLE+notes", "cursor"),
        ("limits=1", "limits"), ("Limit=1", "Limit"), ("offset=3", "offset"),
    ])
    func `refuses absurd paging`(query: String, field: String) async throws {
        try await withService(NotesService.self) { notes in
            let token = try await notes.token(scopes: "notes:read")
            let answer = try await notes.send(.get, "/notes?\(query)", token: token)
            #expect(answer.status == 422 && answer.isProblem && answer.refusedFields == [field])
        }
    }

    @Test func `refuses a query that cannot be read`() async throws {
        try await withService(NotesService.self) { notes in
            let token = try await notes.token(scopes: "notes:read")
            for query in ["limit=%", "limit=%zz", "cursor=%FF%FE"] {
                let answer = try await notes.send(.get, "/notes?\(query)", token: token)
                #expect(answer.status == 400 && answer.isProblem, "\(query)")
            }
        }
    }
}
