/// What one Argon2id computation costs (RFC 9106 §3.1). A change is carried to stored hashes at the next sign-in.
struct Argon2Parameters: Sendable, Hashable {
    /// Memory of one computation in KiB (m); every thread that hashes holds as much while it works.
    var memoryKibibytes = 19_456
    /// Passes over the memory (t).
    var passes = 2
    /// Lanes that may be filled in parallel (p). libargon2 starts a thread for each, so that one keeps the bound on threads.
    var lanes = 1

    /// What may be set. Below 7 MiB a graphics card has an easy life; the least here is for tests.
    static let memoryRange = 64...1_048_576
    static let passesRange = 1...64
    static let lanesRange = 1...16

    /// How every hash with these parameters begins: algorithm, version 1.3 and parameters.
    var prefix: String { "$argon2id$v=19$m=\(memoryKibibytes),t=\(passes),p=\(lanes)$" }
}
