import Logging
import Postgres
import ServiceKit
import Testing

@testable import Identity

@Suite struct GrantsTests {
    @Test(arguments: [("a:read b", ["a:read", "b"]), ("a  a", ["a"]), ("", [])])
    func `reads words of a scope`(text: String, words: [String]) { #expect(Grants.words(text) == words) }

    @Test(arguments: ["a\"b", "a\\b", "é", "a\tb", "a\u{0}"])
    func `refuses what is no scope`(text: String) { #expect(Grants.words(text) == nil) }

    @Test func `narrows to what may be had, or not at all`() {
        #expect(Grants.narrowed(["a", "b"], to: nil) == ["a", "b"])
        #expect(Grants.narrowed(["a", "b"], to: ["b"]) == ["b"])
        #expect(Grants.narrowed(["a", "b"], to: ["b", "c"]) == nil)
    }

    @Test(arguments: [("admin", true), ("a-1_b", true), ("Admin", false), ("1a", false), ("", false), ("a b", false)])
    func `knows roles`(text: String, isRole: Bool) { #expect(Grants.isRole(text) == isRole) }
}

@Suite struct RefreshDecisionTests {
    private static let now = Timestamp(millisecondsSince1970: 1_000_000)
    private static let later = Timestamp(millisecondsSince1970: 1_000_001)

    @Test(arguments: [
        (false, false, later, RefreshDecision.rotate), (false, false, now, .refuse), (false, true, later, .refuse),
        (true, false, later, .endFamily), (true, true, later, .refuse), (true, false, now, .endFamily),
    ])
    func `decides`(isUsed: Bool, hasEnded: Bool, expiresAt: Timestamp, decision: RefreshDecision) {
        #expect(
            RefreshDecision(isUsed: isUsed, hasEnded: hasEnded, expiresAt: expiresAt, now: Self.now) == decision)
    }
}

@Suite struct ClientAddressTests {
    @Test(arguments: [
        (nil, "direct"), ("203.0.113.7", "203.0.113.7"), ("10.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("[2001:db8::1]", "2001:db8:0:0::/64"), ("::1", "0:0:0:0::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"), ("::ffff:cb00:7107", "203.0.113.7"), ("[::1]", "0:0:0:0::/64"),
        ("::203.0.113.7", "0:0:0:0::/64"), ("2001:DB8:1:2::203.0.113.7", "2001:db8:1:2::/64"),
        // What is no address is nobody's, not everybody's own: least of all by a port that changes with every try.
        ("203.0.113.7:5678", "direct"), ("[2001:db8::1]:5678", "direct"), ("203.0.113.7.1", "direct"),
        ("2001:db8::1::2", "direct"), ("somebody", "direct"), ("", "direct"),
    ])
    func `counts by the address that the gateway saw, and by the network of IPv6`(field: String?, counted: String) {
        #expect(ClientAddress.counted(field) == counted)
    }
}

@Suite struct PasswordTests {
    @Test func `bounds its bytes and refuses controls`() throws {
        for text in ["1234567", String(repeating: "a", count: 1_025), "1234567\u{0}", "12345678\n"] {
            #expect(throws: FieldErrors.self) { try Password(new: text) }
        }
        #expect(try Password(new: "pässwort").text == "pässwort")
        #expect(throws: FieldErrors.self) { try Password(presented: "") }
    }

    @Test func `shows itself to nobody`() throws {
        let password = try Password(new: "hunter2hunter2")
        var dumped = ""
        dump(password, to: &dumped)
        dump(PasswordHash(encoded: "hunter2"), to: &dumped)
        #expect(!("\(password)" + String(reflecting: password) + dumped).contains("hunter2"))
    }
}

@Suite struct IdentitySettingsTests {
    @Test(arguments: [
        ("SIGNING_PUBLISH_AHEAD", "29s"), ("SIGNING_PUBLISH_AHEAD", "0s"), ("SIGNING_PUBLISH_AHEAD", "2d"),
        ("SIGNING_ROTATION", "9m"),
    ])
    func `refuses a schedule of keys that nobody could follow`(variable: String, text: String) {
        let error = #expect(throws: SettingsError.self) {
            try ServiceSettings<IdentityService>(environment: [variable: text])
        }
        #expect(error?.messages.count == 1 && error?.description.hasPrefix("\(variable) must be ") == true)
    }

    @Test func `takes the shortest schedule`() throws {
        let schedule = try ServiceSettings<IdentityService>(
            environment: ["SIGNING_PUBLISH_AHEAD": "30s", "SIGNING_ROTATION": "10m"]
        ).own.schedule
        #expect(schedule.publishAhead == .seconds(30) && schedule.rotation == .seconds(600))
    }
}

@Suite struct KeyScheduleTests {
    private let schedule = KeySchedule(rotation: .seconds(1_000), publishAhead: .seconds(100), overlap: .seconds(60))

    private func instant(_ seconds: Int64) -> Timestamp { Timestamp(millisecondsSince1970: seconds * 1_000) }

    private func key(_ kid: String, from: Int64, until: Int64? = nil) -> ScheduledKey {
        ScheduledKey(
            kid: kid, algorithm: .es256, activeFrom: instant(from), retireAt: until.map(instant))
    }

    @Test func `the latest key whose time has come signs; the one before stays published until its tokens are gone`() {
        let keys = [key("a", from: 0, until: 560), key("b", from: 500)]
        #expect(schedule.active(keys, now: instant(499))?.kid == "a")
        #expect(schedule.active(keys, now: instant(500))?.kid == "b")
        #expect(schedule.published(keys, now: instant(559)).map(\.kid) == ["a", "b"])
        #expect(schedule.published(keys, now: instant(560)).map(\.kid) == ["b"])
    }

    @Test func `a key is due when there is none, when the last has signed long enough, and for another algorithm`() {
        #expect(schedule.isDue([], algorithm: .es256, now: instant(0)))
        let keys = [key("a", from: 0)]
        #expect(!schedule.isDue(keys, algorithm: .es256, now: instant(899)))
        // Published ahead, so that it signs when the thousand seconds are over.
        #expect(schedule.isDue(keys, algorithm: .es256, now: instant(900)))
        #expect(!schedule.isDue(keys + [key("b", from: 1_000)], algorithm: .es256, now: instant(900)))
        #expect(schedule.isDue(keys, algorithm: .edDSA, now: instant(1)))
        #expect(!schedule.isDue([key("a", from: 2)], algorithm: .edDSA, now: instant(1)))
    }

    @Test func `the first key signs at once, every other one after it has been published`() {
        #expect(schedule.takeover([], now: instant(10)).activeFrom == instant(10))
        let (activeFrom, retireAt) = schedule.takeover([key("a", from: 0)], now: instant(10))
        #expect(activeFrom == instant(110) && retireAt == instant(170))
    }
}

@Suite struct KeyReadingTests {
    private static func error(_ state: String?) -> PostgresError {
        var error = PostgresError(.other, "for a test")
        error.sqlState = state
        return error
    }

    @Test func `an outage of the database is told once as a warning, and once that it is over`() {
        var outage = KeyReading.Outage()
        func fails(_ state: String?) -> Logger.Level { outage.failed(Self.error(state)) }
        func succeeds() -> Bool { outage.succeeded() }
        #expect(fails("42P01") == .info, "not migrated yet")
        #expect(!succeeds())
        for _ in 0..<2 {
            #expect(fails(nil) == .warning)
            #expect(fails(nil) == .info && fails("42P01") == .info)
            #expect(succeeds())
            #expect(!succeeds())
        }
        #expect(fails("42P01") == .warning, "the table is gone")
    }
}
