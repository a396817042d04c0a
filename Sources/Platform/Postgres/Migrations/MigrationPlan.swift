/// Which migrations are to be applied, given those that have been; or why none can be. Pure.
struct MigrationPlan {
    let pending: [Migration]
    /// Applied by a later release: their names come after every one that the program knows. Such a migration only widens
    /// the schema (expand and contract, CONTRIBUTING.md), so this program serves on: old replicas during a roll-out, and
    /// all of them after a roll-back.
    let newer: [String]

    /// - Parameters:
    ///   - migrations: those of the program, in order.
    ///   - checksums: of those, in the same order.
    ///   - applied: those that the database has had.
    init(_ migrations: [Migration], checksums: [String], applied: [AppliedMigration]) throws(MigrationError) {
        let known = Dictionary(zip(migrations.map(\.name), checksums)) { first, _ in first }
        let newest = migrations.last?.name ?? ""
        newer = applied.map(\.name).filter { $0 > newest }
        for old in applied where old.name <= newest {
            guard let checksum = known[old.name] else { throw .unknown(old.name) }
            guard checksum == old.checksum else { throw .changed(old.name) }
        }
        let appliedNames = Set(applied.map(\.name))
        pending = migrations.filter { !appliedNames.contains($0.name) }
        guard let first = pending.first, let last = applied.map(\.name).max() else { return }
        guard first.name > last else { throw .late(first.name, before: last) }
    }

    /// Checks what can be checked without a database.
    static func check(_ migrations: [Migration]) throws(MigrationError) {
        for migration in migrations {
            guard Migration.isValid(name: migration.name) else {
                throw .invalid(migration.name, reason: "the name must look like v0001_create_items")
            }
            guard !migration.sql.utf8.contains(0) else {
                throw .invalid(migration.name, reason: "it contains NUL")
            }
        }
        for (previous, next) in zip(migrations, migrations.dropFirst()) where next.name <= previous.name {
            throw .unordered(next.name, after: previous.name)
        }
    }
}
