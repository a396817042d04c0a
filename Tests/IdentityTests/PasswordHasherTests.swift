import TestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(2))) struct PasswordHasherTests {
    /// The cheapest that libargon2 takes: these tests are about everything else.
    static let cheap = Argon2Parameters(memoryKibibytes: 64, passes: 1, lanes: 1)

    private let hasher = PasswordHasher(parameters: Self.cheap, threads: 2, queueLimit: 100)

    @Test func `agrees with the reference implementation`() throws {
        let parameters = Argon2Parameters(memoryKibibytes: 65_536, passes: 2, lanes: 1)
        let encoded = try Argon2.encodedHash(
            of: Array("password".utf8), salt: Array("somesalt".utf8), parameters: parameters)
        // libargon2's own test vector for Argon2id, version 1.3.
        #expect(
            encoded == "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
        #expect(try Argon2.verify(Array("password".utf8), against: encoded))
        #expect(try !Argon2.verify(Array("passwort".utf8), against: encoded))
    }

    @Test func `a password matches its hash and no other`() async throws {
        let hash = try await hasher.hash("correct horse battery staple")
        #expect(hash.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
        #expect(try await hasher.verify("correct horse battery staple", against: hash).matches)
        for other in [
            "", "correct horse battery stapl", "Correct horse battery staple", "correct horse battery staple ",
        ] {
            #expect(try await !hasher.verify(other, against: hash).matches, "\(other)")
        }
    }

    @Test func `hashes of one password differ`() async throws {
        let (first, second) = (try await hasher.hash("the same"), try await hasher.hash("the same"))
        #expect(first != second)
    }

    @Test(arguments: [
        // Composed and decomposed, a Hangul syllable and its parts, an ideographic space, a no-break space.
        ("p\u{E4}ssw\u{F6}rd", "pa\u{308}sswo\u{308}rd"), ("\u{D55C}", "\u{1112}\u{1161}\u{11AB}"),
        ("two\u{3000}words", "two words"), ("two\u{A0}words", "two words"),
        ("\u{212B}ngstr\u{F6}m", "\u{C5}ngstro\u{308}m"),
    ])
    func `the same characters match, however they were typed`(one: String, other: String) async throws {
        let hash = try await hasher.hash(one)
        #expect(try await hasher.verify(other, against: hash).matches)
    }

    @Test(arguments: [
        // NUL ends nothing; width and case are kept; a ligature is not its letters.
        ("secret\0one", "secret\0two"), ("secret\0", "secret"), ("\u{FF41}bc", "abc"), ("stra\u{DF}e", "strasse"),
        ("\u{FB01}nd", "find"), ("ABC", "abc"),
    ])
    func `other characters do not match`(one: String, other: String) async throws {
        let hash = try await hasher.hash(one)
        #expect(try await !hasher.verify(other, against: hash).matches)
    }

    @Test func `nothing matches where there is no hash`() async throws {
        for password in ["", "anything", "\0"] {
            let verification = try await hasher.verify(password, against: nil)
            #expect(verification == .init(matches: false, needsRehash: false))
        }
    }

    @Test func `a megabyte is not hashed, and matches nothing`() async throws {
        let long = String(repeating: "x", count: 1 << 20)
        await #expect(throws: HashingError.tooLong) { try await hasher.hash(long) }
        await #expect(throws: HashingError.tooLong) { try await hasher.hash(String(repeating: "x", count: 1_025)) }
        let hash = try await hasher.hash(String(repeating: "x", count: 1_024))
        #expect(try await !hasher.verify(long, against: hash).matches)
        // An empty password stands for a long one where time is spent; it must not be taken for it.
        let empty = try await hasher.hash("")
        #expect(try await !hasher.verify(long, against: empty).matches)
    }

    @Test func `asks for a new hash when the parameters have changed, and the password is right`() async throws {
        let hash = try await hasher.hash("unchanged")
        #expect(try await hasher.verify("unchanged", against: hash) == .init(matches: true, needsRehash: false))
        let dearer = Argon2Parameters(memoryKibibytes: 64, passes: 2, lanes: 1)
        let later = PasswordHasher(parameters: dearer, threads: 1, queueLimit: 1)
        #expect(try await later.verify("unchanged", against: hash) == .init(matches: true, needsRehash: true))
        #expect(try await later.verify("changed", against: hash) == .init(matches: false, needsRehash: false))
    }

    @Test(arguments: ["", "secret", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAA"])
    func `a stored text that is no hash is a failure, not a mismatch`(stored: String) async throws {
        await #expect(throws: HashingError.self) { try await hasher.verify("secret", against: stored) }
    }

    @Test func `refuses more than may wait, at once, and recovers`() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap, threads: 1, queueLimit: 2)
        let held = HeldThread()
        try await withThrowingTaskGroup { group in
            defer { held.release() }
            for number in 0..<3 {
                group.addTask {
                    try await hasher.perform {
                        held.wait()
                        return .success(number)
                    }
                }
            }
            try await eventually("two wait", within: .seconds(60)) { hasher.statistics.waiting == 2 }
            await #expect(throws: HashingError.busy) { try await hasher.hash("one too many") }
            await #expect(throws: HashingError.busy) { try await hasher.verify("one too many", against: nil) }
            #expect(hasher.statistics == .init(running: 1, waiting: 2, refused: 2))
            held.release()
            var answers: Set<Int> = []
            for try await number in group { answers.insert(number) }
            #expect(answers == [0, 1, 2])
        }
        _ = try await hasher.hash("now there is room")
        #expect(hasher.statistics == .init(running: 0, waiting: 0, refused: 2))
    }

    @Test func `whoever goes away while waiting costs nothing`() async throws {
        let hasher = PasswordHasher(parameters: Self.cheap, threads: 1, queueLimit: 1)
        try await withHeldThread(of: hasher) { held in
            let waiting = Task { try await hasher.hash("impatient") }
            try await eventually("one waits", within: .seconds(60)) { hasher.statistics.waiting == 1 }
            waiting.cancel()
            held.release()
            await #expect(throws: HashingError.stopped) { try await waiting.value }
        }
        #expect(hasher.statistics == .init(running: 0, waiting: 0, refused: 0))
    }
}
