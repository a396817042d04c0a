import Foundation
import Postgres
import TestSupport
import Testing

/// What goes in must come out, bit by bit.
@Suite(.timeLimit(.minutes(3)))
struct ValueTests {
    private static let echo: Statement = "SELECT $1"

    private func expectSame<Value: PostgresBindable & PostgresDecodable & Equatable>(
        _ values: [Value], _ location: SourceLocation = #_sourceLocation
    ) async throws {
        try await withAskingPool { pool in
            for value in values {
                let row = try #require(try await pool.query(Self.echo, [value]).first, sourceLocation: location)
                let echoed = try row.decode(0, as: Value.self)
                #expect(echoed == value, sourceLocation: location)
            }
        }
    }

    @Test func `integers and their extremes`() async throws {
        try await expectSame([Int64.min, -1, 0, 1, Int64.max])
        try await expectSame([Int.min, Int.max])
        try await expectSame([Int32.min, 0, Int32.max])
        try await expectSame([Int16.min, 0, Int16.max])
    }

    @Test func `booleans and floating point numbers`() async throws {
        try await expectSame([true, false])
        try await expectSame([
            0, -0.0, 1.5, .pi, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ])
    }

    @Test func `texts`() async throws {
        try await expectSame(["", " ", "plain", "größer", "👩‍👩‍👧‍👦 🇺🇦", "quote ' \" \\ $1", "\u{1}\u{7F}\u{10FFFF}", "a\r\nb"])
        try await expectSame([String(repeating: "x", count: 300_000)])
    }

    @Test func `bytes`() async throws {
        try await expectSame([[UInt8](), [0], Array(UInt8.min...UInt8.max)])
        try await expectSame([Data(), Data([0, 255])])
    }

    @Test func `UUIDs`() async throws {
        try await expectSame([UUID(), UUID(uuidString: "00000000-0000-0000-0000-000000000000")].compactMap(\.self))
    }

    @Test func `dates, to the microsecond`() async throws {
        try await expectSame([
            Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: -1.5),
            Date(timeIntervalSince1970: 1_700_000_000.123456), Date(timeIntervalSinceReferenceDate: 0),
            Date(timeIntervalSince1970: 946_684_800), Date(timeIntervalSince1970: -62_135_596_800),
            Date(timeIntervalSince1970: 253_402_300_799),
        ])
        try await withAskingPool { pool in
            let date = Date(timeIntervalSince1970: 1_700_000_000.123456)
            let row = try #require(
                try await pool.query(
                    """
                    SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '2024-02-29 12:00:00.5+00'::timestamptz
                    """, [date]
                ).first)
            #expect(try row.decode(0) == "2023-11-14 22:13:20.123456")
            #expect(try row.decode(1) == Date(timeIntervalSince1970: 1_709_208_000.5))
        }
    }

    @Test func `refuses dates without an end, both ways`() async throws {
        try await withAskingPool { pool in
            for date in [
                Date(timeIntervalSince1970: .infinity), Date(timeIntervalSince1970: .nan), .distantPast - 1e12,
                Date(timeIntervalSince1970: 1e18),
            ] {
                #expect(await failure { try await pool.query(Self.echo, [date]) }?.code == .bindFailure)
            }
            let row = try #require(
                try await pool.query("SELECT 'infinity'::timestamptz, '-infinity'::timestamptz").first)
            #expect(throws: PostgresError.self) { try row.decode(0, as: Date.self) }
            #expect(throws: PostgresError.self) { try row.decode(1, as: Date.self) }
        }
    }

    static let decimals = [
        "0", "1", "-1", "0.1", "-0.01", "0.0001", "0.00001", "19.99", "10000", "100000", "99999999.9999", "12345.6789",
        "123456789012345678901234567890", "-1234567890.12345678901234567890", "0.000000000000000000000000000001",
        "99999999999999999999999999999999999999", "0.10", "1000000000000000000000000000000000000000000",
    ]

    @Test(arguments: decimals)
    func `decimals, exactly`(text: String) async throws {
        let decimal = try #require(Decimal(string: text))
        try await expectSame([decimal])
        try await withAskingPool { pool in
            #expect(try await pool.query("SELECT $1::numeric", [text]).first?.decode(0) == decimal)
            let same = try await pool.query("SELECT $1 = $2::numeric", [decimal, text]).first?.decode(0, as: Bool.self)
            #expect(same == true)
        }
    }

    @Test func `refuses decimals that are no numbers, or have too many digits`() async throws {
        try await withAskingPool { pool in
            #expect(await failure { try await pool.query(Self.echo, [Decimal.nan]) }?.code == .bindFailure)
            let row = try #require(
                try await pool.query(
                    """
                    SELECT 'NaN'::numeric, 'Infinity'::numeric, 123456789012345678901234567890123456789.1::numeric,
                    1e300::numeric
                    """
                ).first)
            for column in 0..<4 { #expect(throws: PostgresError.self) { try row.decode(column, as: Decimal.self) } }
        }
    }

    @Test func `JSON keeps its numbers`() async throws {
        struct Price: Codable, Equatable {
            var name: String
            var cents: Int64
        }
        try await withAskingPool { pool in
            let price = Price(name: "größer 👍", cents: .max)
            let echoed = try await pool.query(Self.echo, [try JSON(encoding: price)]).first?.decode(0, as: JSON.self)
            #expect(try echoed?.decode(Price.self) == price)
            let text = try await pool.query(Self.echo, [JSON("[123456789012345678901234567890.10]")]).first
            #expect(try text?.decode(0, as: String.self) == "[123456789012345678901234567890.10]")
            #expect(try await pool.query("SELECT '{\"a\":  1}'::json").first?.decode(0) == JSON("{\"a\":  1}"))
            #expect(await failure { try await pool.query(Self.echo, [JSON("{")]) }?.code == .invalidData)
        }
    }

    @Test func `arrays, empty ones and NULLs included`() async throws {
        try await expectSame([[Int64](), [1], [.min, 0, .max]])
        try await expectSame([[String](), ["", "a,b", "{\"quoted\"}", "NULL"]])
        try await expectSame([[true, false]])
        try await expectSame([[Int64?](), [nil], [1, nil, 3]])
        try await expectSame([[String?]([nil, "", "x"])])
        try await expectSame([[Date(timeIntervalSince1970: 0)]])
        try await expectSame([[Decimal(string: "1.5"), Decimal(-3)].compactMap(\.self)])
        try await expectSame([[Data([1, 0]), Data()]])
        try await withAskingPool { pool in
            let ids = try await pool.query(
                "SELECT n FROM generate_series(1, 9) n WHERE n = ANY ($1)", [[Int64(3), 7, 11]])
            #expect(try ids.map { try $0.decode(0, as: Int.self) } == [3, 7])
            let row = try #require(try await pool.query("SELECT ARRAY[[1, 2], [3, 4]], ARRAY[1, NULL]").first)
            #expect(throws: PostgresError.self) { try row.decode(0, as: [Int].self) }
            #expect(throws: PostgresError.self) { try row.decode(1, as: [Int].self) }
        }
    }

    @Test func `optionals of everything`() async throws {
        try await expectSame([Int64?.none, 5])
        try await expectSame([String?.none, ""])
        try await expectSame([[Int64]?.none, []])
        try await expectSame([Date?.none])
        try await expectSame([Decimal?.none, 1])
        try await expectSame([[UInt8]?.none, []])
    }

    @Test func `refuses NUL in a text before anything is sent`() async throws {
        try await withAskingPool { pool in
            let error = await failure { try await pool.query(Self.echo, ["secret\0"]) }
            #expect(error?.code == .bindFailure)
            #expect(error?.message.hasPrefix("$1") == true)
            #expect(error?.description.contains("secret") == false)
            #expect(await failure { try await pool.query(Self.echo, [["a", "b\0"]]) }?.code == .bindFailure)
            #expect(pool.statistics.opened == 0)
        }
    }

    @Test func `reads an integer from any integer type if it fits, and from a sum`() async throws {
        try await withAskingPool { pool in
            let row = try #require(
                try await pool.query(
                    """
                    SELECT 7::int2, 70000, 5000000000, sum(n), avg(n), 1e30::numeric
                    FROM (VALUES (1::int8), (2)) AS t (n)
                    """
                ).first)
            #expect(try row.decode(0, as: Int64.self) == 7)
            #expect(try row.decode(1, as: Int.self) == 70_000)
            #expect(throws: PostgresError.self) { try row.decode(1, as: Int16.self) }
            #expect(throws: PostgresError.self) { try row.decode(2, as: Int32.self) }
            #expect(try row.decode(3, as: Int64.self) == 3)
            #expect(throws: PostgresError.self) { try row.decode(4, as: Int64.self) }
            #expect(throws: PostgresError.self) { try row.decode(5, as: Int64.self) }
            #expect(try row.decode(4, as: Decimal.self) == Decimal(string: "1.5"))
        }
    }

    @Test func `names the column, the wanted and the actual type`() async throws {
        try await withAskingPool { pool in
            let row = try #require(try await pool.query("SELECT 'secret' AS price_minor, NULL::int8 AS id").first)
            let wrong = #expect(throws: PostgresError.self) { try row.decode("price_minor", as: Int64.self) }
            #expect(wrong?.code == .decodingFailure && wrong?.column == "price_minor")
            #expect(wrong?.message.contains("Int64") == true && wrong?.message.contains("text") == true)
            #expect(wrong?.description.contains("secret") == false)
            let null = #expect(throws: PostgresError.self) { try row.decode("id", as: Int64.self) }
            #expect(null?.column == "id")
            let missing = #expect(throws: PostgresError.self) { try row.decode("price", as: Int64.self) }
            #expect(missing?.column == "price")
            #expect(throws: PostgresError.self) { try row.decode(2, as: Int64.self) }
            #expect(throws: PostgresError.self) { try row.decode(-1, as: Int64.self) }
            #expect(throws: PostgresError.self) { try row.decode(String.self) }
            #expect(throws: PostgresError.self) { try row.decode(String.self, Int64?.self, Int.self) }
        }
    }

    @Test func `reads an enum as text, and takes one by a cast`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
            let row = try #require(try await pool.query("SELECT $1::mood AS mood, ARRAY['sad'::mood]", ["glad"]).first)
            #expect(try row.decode(0) == "glad")
            #expect(try row.decode(1, as: [String].self) == ["sad"])
            #expect(await failure { try await pool.query("SELECT $1::mood", ["angry"]) }?.code == .invalidData)
        }
    }
}
