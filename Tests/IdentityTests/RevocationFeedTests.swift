import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct RevocationFeedTests {
    private static func token(_ id: String, lives: Duration = .seconds(600)) -> IssuedToken {
        // Only whether it is over matters here.
        IssuedToken(id: id, expiresAt: Timestamp(millisecondsSince1970: 4_000_000_000_000).advanced(by: lives))
    }

    @Test func `gives what can still matter, in pages, and where it ends`() async throws {
        try await withIdentity { identity in
            let store = identity.resources.store
            #expect(try await identity.feed() == ["revocations": [], "next": 0])
            try await identity.database.withTransaction { transaction in
                try await store.revoke((0..<1_005).map { Self.token("t\($0)") }, in: transaction)
            }
            let first = try await identity.feed()
            #expect(first["revocations"]?.elements?.count == 1_000 && first["next"]?.integer == 1_000)
            #expect(first["revocations"]?[0]?["token"]?.string == "t0")
            let second = try await identity.feed(after: 1_000)
            #expect(second["revocations"]?.elements?.count == 5 && second["next"]?.integer == 1_005)
            #expect(try await identity.feed(after: 1_005) == ["revocations": [], "next": 1_005])

            try await identity.database.execute("UPDATE revocations SET expires_at = now()")
            #expect(try await identity.feed() == ["revocations": [], "next": 1_005])
            #expect(try await store.clean(in: identity.database) == 1_005)
            #expect(try await identity.feed(after: 7) == ["revocations": [], "next": 1_005])
            #expect(try await identity.send(.get, "/revocations?after=-1").status == 422)
        }
    }

    @Test func `a reader misses nothing while several write`() async throws {
        try await withIdentity { identity in
            let store = identity.resources.store
            let seen = try await withThrowingTaskGroup(of: [String].self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for index in 0..<20 {
                            try await identity.database.withTransaction { transaction in
                                try await store.revoke([Self.token("\(writer).\(index)")], in: transaction)
                                // Others get their chance to be faster.
                                _ = try await store.now(in: transaction)
                            }
                        }
                        return []
                    }
                }
                group.addTask {
                    var (position, seen): (Int64, [String]) = (0, [])
                    while seen.count < 160 {
                        let page = try await identity.feed(after: position)
                        seen += page["revocations"]?.elements?.compactMap { $0["token"]?.string } ?? []
                        position = page["next"]?.integer ?? 0
                        guard position < 160 || seen.count == 160 else { break }
                    }
                    return seen
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(seen.count == 160 && Set(seen).count == 160)
        }
    }
}
