import GatewayTestSupport
import Policy
import Routing
import Synchronization
import Testing

@testable import Control

@Suite struct RevocationCursorTests {
    @Test func `pages follow each other to the end, and once in a minute from the beginning`() {
        var cursor = RevocationCursor()
        #expect(cursor.after(now: 1_000) == 0)
        var more = cursor.received(isEmpty: false, next: 12)
        #expect(more && cursor.after(now: 1_000) == 12)
        more = cursor.received(isEmpty: true, next: 12)
        #expect(!more && cursor.after(now: 1_059) == 12)
        #expect(cursor.after(now: 1_060) == 0)
        more = cursor.received(isEmpty: false, next: 11)
        // Half way through it goes on, however long that takes.
        #expect(more && cursor.after(now: 2_000) == 11)
        more = cursor.received(isEmpty: false, next: 12)
        more = cursor.received(isEmpty: true, next: 12)
        #expect(!more && cursor.after(now: 1_500) == 0, "a clock that was set back")
    }

    @Test func `a feed that lost its memory is read from its beginning`() {
        var cursor = RevocationCursor()
        _ = cursor.after(now: 0)
        _ = cursor.received(isEmpty: false, next: 500)
        _ = cursor.received(isEmpty: true, next: 500)
        let more = cursor.received(isEmpty: true, next: 3)
        #expect(more && cursor.after(now: 1) == 0)
    }

    @Test func `a feed that does not go on is not asked in a circle`() {
        var cursor = RevocationCursor()
        _ = cursor.after(now: 0)
        let more = cursor.received(isEmpty: false, next: 0)
        #expect(!more)
    }

    @Test func `while it fails it is asked every two seconds at least`() {
        var cursor = RevocationCursor()
        var pauses: [Int] = []
        for _ in 0..<6 {
            cursor.failed()
            pauses.append(cursor.pauseMilliseconds(interval: 300))
        }
        #expect(pauses == [300, 600, 1_200, 2_000, 2_000, 2_000])
        _ = cursor.received(isEmpty: true, next: 0)
        #expect(cursor.pauseMilliseconds(interval: 300) == 300)
    }
}

@Suite struct RevocationPageTests {
    private func page(_ json: String) throws -> RevocationPage { try RevocationPage(json: Array(json.utf8)) }

    @Test func `entries are read as the contract has them`() throws {
        let page = try page(
            """
            {"revocations": [
              {"position": 12, "subject": "42", "issued_before": "2027-01-15T08:00:00.123Z"},
              {"position": 13, "token": "id", "expires_at": "2027-01-15T08:00:00.001Z", "more": []},
              {"position": 14, "subject": "43", "issued_before": "2027-01-15T08:00:00Z",
               "expires_at": "2027-01-15T09:00:00+01:00"}
            ], "next": 14, "more": {}}
            """)
        #expect(
            page.entries == [
                .subject("42", issuedBeforeMilliseconds: 1_800_000_000_123, endsAtSeconds: nil),
                .token("id", expiresAtSeconds: 1_800_000_001),
                .subject("43", issuedBeforeMilliseconds: 1_800_000_000_000, endsAtSeconds: 1_800_000_000),
            ])
        #expect(page.next == 14 && page.unreadable == 0)
    }

    @Test func `what one entry lacks hides no other`() throws {
        let page = try page(
            """
            {"revocations": [{}, 7, {"subject": "42"}, {"token": "a"}, {"token": 1, "expires_at": "soon"},
              {"subject": "42", "issued_before": "yesterday"}, {"token": "b", "expires_at": "2027-01-15T08:00:00Z"}],
             "next": 20}
            """)
        #expect(page.entries == [.token("b", expiresAtSeconds: 1_800_000_000)] && page.unreadable == 6)
    }

    @Test(arguments: [
        "", "<html>", "[]", "{}", #"{"revocations": []}"#, #"{"next": 1}"#, #"{"revocations": {}, "next": 1}"#,
        #"{"revocations": [], "next": -1}"#, #"{"revocations": [], "next": "1"}"#,
    ])
    func `what is no page is told apart`(json: String) {
        #expect(throws: FetchError.self) { try page(json) }
    }
}

/// The feed's task against pages of a test's making.
@Suite(.timeLimit(.minutes(2))) struct RevocationFeedTests {
    /// What an issuer took back, by position; and how it fails.
    private final class Issuer: Sendable {
        struct State {
            var entries: [RevocationList.Entry] = []
            var isDown = false
            var pageSize = 2
            var asked: [Int64] = []
            var now: Int64 = 1_000
        }

        let state = Mutex(State())

        func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

        var asked: [Int64] {
            state.withLock { state in
                defer { state.asked = [] }
                return state.asked
            }
        }

        func page(after position: Int64) throws -> RevocationPage {
            try state.withLock { state in
                state.asked.append(position)
                if state.isDown { throw FetchError("is down") }
                let rest = state.entries.dropFirst(Int(position)).prefix(state.pageSize)
                let next = rest.isEmpty ? Int64(state.entries.count) : position + Int64(rest.count)
                return RevocationPage(entries: Array(rest), next: next)
            }
        }
    }

    private let issuer = Issuer()

    private func feed(turned: @escaping @Sendable () -> Void = {}) -> RevocationFeed {
        RevocationFeed(
            TokenProvider.RevocationFeed(uri: "https://issuer.example/revocations"), keeping: nil,
            fetch: { [issuer] in try issuer.page(after: $1) },
            secondsSince1970: { [issuer] in issuer.state.withLock { $0.now } }, turned: turned)
    }

    private func isRevoked(_ id: String, _ feed: RevocationFeed) -> Bool {
        let token = VerifiedToken(
            subject: "s", scopes: [], expiresAtSeconds: .max, tokenID: id, issuedAtMilliseconds: 0)
        return feed.source.judge(token).isRevoked
    }

    private func add(_ names: String...) {
        issuer.update { state in
            state.entries += names.map { .token($0, expiresAtSeconds: 10_000) }
        }
    }

    @Test func `all pages are read at one go, then only what is new`() async {
        let feed = feed()
        add("a", "b", "c", "d", "e")
        await feed.poll()
        #expect(issuer.asked == [0, 2, 4, 5])
        #expect(["a", "b", "c", "d", "e"].allSatisfy { isRevoked($0, feed) })
        let generation = feed.source.generation
        await feed.poll()
        #expect(issuer.asked == [5])
        #expect(feed.source.generation == generation, "nothing new: no token is looked up again")
        add("f")
        await feed.poll()
        #expect(isRevoked("f", feed) && feed.source.generation == generation + 1)
        #expect(feed.figures.entries == 6 && feed.figures.failures == 0)
    }

    @Test func `while the feed is down what is known stays, and it is told once`() async {
        let turns = Mutex(0)
        let feed = feed { turns.withLock { $0 += 1 } }
        #expect(feed.figures.problem == "revocations of https://issuer.example/revocations were not read yet")
        add("a")
        await feed.poll()
        #expect(turns.withLock { $0 } == 1 && feed.figures.problem == nil)
        issuer.update { $0.isDown = true }
        for _ in 0..<3 { await feed.poll() }
        #expect(isRevoked("a", feed))
        #expect(turns.withLock { $0 } == 2 && feed.figures.failures == 3)
        #expect(feed.figures.problem?.contains("is down; the 1 that are known stay in force") == true)
        issuer.update { $0.isDown = false }
        add("b")
        await feed.poll()
        #expect(isRevoked("b", feed) && turns.withLock { $0 } == 3 && feed.figures.problem == nil)
    }

    @Test func `a feed that lost its memory is read anew, and what it told before stays`() async {
        let feed = feed()
        add("a", "b", "c")
        await feed.poll()
        issuer.update { $0.entries = [] }
        add("d")
        await feed.poll()
        #expect(["a", "b", "c", "d"].allSatisfy { isRevoked($0, feed) })
    }

    @Test func `what came to a place behind us is found within the minute`() async {
        let feed = feed()
        add("a", "b")
        await feed.poll()
        issuer.update { $0.entries[0] = .token("late", expiresAtSeconds: 10_000) }
        await feed.poll()
        #expect(!isRevoked("late", feed))
        issuer.update { $0.now += 60 }
        await feed.poll()
        #expect(isRevoked("late", feed))
    }

    @Test func `feeds that a reload names again are kept, and their successors know what they knew`() async {
        let feeds = RevocationFeeds(
            fetch: { [issuer] in try issuer.page(after: $1) }, secondsSince1970: { 1_000 })
        let settings = TokenProvider.RevocationFeed(uri: "https://issuer.example/revocations")
        let first = feeds.source(of: settings)
        #expect(feeds.source(of: settings) === first)
        add("a")
        await withTaskGroup { group in
            group.addTask { await feeds.run() }
            while feeds.figures.first?.entries != 1 { await Task.yield() }
            group.cancelAll()
        }
        var other = settings
        other.intervalMilliseconds = 500
        let second = feeds.source(of: other)
        let token = VerifiedToken(subject: "s", scopes: [], expiresAtSeconds: .max, tokenID: "a")
        #expect(second !== first && second.judge(token).isRevoked)
        feeds.retain(only: [other])
        #expect(feeds.figures.count == 1)
    }
}

@Suite struct ServiceAddressesTests {
    private static let services = ServiceAddresses(
        [
            "identity=127.0.0.1:1", "identity:9=127.0.0.1:9", "shop/identity=127.0.0.1:2,127.0.0.1:3",
        ].compactMap(BackendAddress.init))

    @Test(
        arguments: [
            ("identity", 80, ["127.0.0.1:1"]), ("IDENTITY", 80, ["127.0.0.1:1"]), ("identity", 9, ["127.0.0.1:9"]),
            ("identity.default", 80, ["127.0.0.1:1"]), ("identity.shop.svc", 80, ["127.0.0.1:2", "127.0.0.1:3"]),
            ("identity.shop.svc.cluster.local", 80, ["127.0.0.1:2", "127.0.0.1:3"]), ("other", 80, []),
            ("identity.shop.example.com", 80, []), ("identity.other", 80, []), ("", 80, []),
        ] as [(String, UInt16, [String])])
    func `a name of a Service is where it was said to be`(host: String, port: UInt16, expected: [String]) {
        #expect(Self.services.addresses(of: host, port: port).map(\.description) == expected)
    }
}
