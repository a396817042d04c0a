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
        let migrations = try IdentityService.allMigrations
        let migrator = Migrator(configuration: configuration, migrations: migrations, logger: logger)
        #expect(try await migrator.migrate() == migrations.map(\.name))
        #expect(try await migrator.migrate() == [])
    }
}
