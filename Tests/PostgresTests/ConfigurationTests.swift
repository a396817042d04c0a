import Testing

@testable import Postgres

struct ConfigurationTests {
    @Test func `no description of a configuration shows the password`() {
        struct Holder { var configuration: PostgresConfiguration }
        let configuration = PostgresConfiguration(
            host: "db", port: 6543, database: "sales", user: "seller", password: "hunter2")
        var dumped = ""
        dump(Holder(configuration: configuration), to: &dumped)
        let texts = [
            "\(configuration)", String(reflecting: configuration), "\(Holder(configuration: configuration))",
            String(describing: Optional(configuration)), dumped,
        ]
        for text in texts {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("sales"))
        }
    }

    @Test func `knows addresses and socket directories from names`() {
        for (host, isName) in [("127.0.0.1", false), ("::1", false), ("/run/postgresql", false), ("localhost", true)] {
            var configuration = PostgresConfiguration(database: "a", user: "b")
            configuration.host = host
            #expect(configuration.needsResolution == isName, "\(host)")
        }
    }

    @Test func `names the host once per address`() {
        let configuration = PostgresConfiguration(host: "db", database: "a", user: "b")
        let parameters = Dictionary(
            uniqueKeysWithValues: configuration.connectionParameters(addresses: ["::1", "127.0.0.1"]))
        #expect(parameters["host"] == "db,db" && parameters["hostaddr"] == "::1,127.0.0.1")
        #expect(parameters["options"] == "-c statement_timeout=30000")
    }

    @Test(
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.milliseconds(1), 1), (.seconds(30), 30_000), (.seconds(-1), 0),
            (.seconds(100_000_000), Int32.max),
        ] as [(Duration, Int32)])
    func `rounds a duration up to milliseconds`(duration: Duration, milliseconds: Int32) {
        #expect(duration.wholeMilliseconds == milliseconds)
    }
}
