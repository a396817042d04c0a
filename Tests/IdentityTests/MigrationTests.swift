import Identity
import Logging
import Postgres
import ServiceKit
import ServiceTestSupport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct MigrationTests {
    @Test func `migrating a second time changes nothing`() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try await PostgresServer.shared().makeDatabase()
        let migrator = Migrator(
            configuration: configuration, migrations: try IdentityService.allMigrations, logger: logger)
        #expect(try await migrator.migrate().count == 5)
        #expect(try await migrator.migrate() == [])
    }
}
