import ServiceKit
import Testing

@testable import Identity

@Suite struct EmailAddressTests {
    @Test(arguments: [
        "ada@example.org", "a.b+c@sub.example.org", "o'brien@example.org", "x@a-b.example", "jörg@example.org",
        "дима@example.org", "1@2.example",
    ])
    func `takes addresses`(text: String) throws {
        #expect(try EmailAddress(text).text == text)
    }

    @Test(arguments: [
        "", "@", "a@", "@b.example", "a@b", "a b@c.example", "a@b..example", ".a@b.example", "a.@b.example",
        "a..b@c.example", "a@-b.example", "a@b-.example", "a@b@c.example", "\"a\"@b.example", "a@b.example.",
        "a\u{0}@b.example", "a\n@b.example", "a@b.exa\u{0}mple", "a\u{7F}@b.example",
        // A combining mark that no letter absorbs, an invisible one, a direction mark, a wide letter, a ligature.
        "a\u{0335}@b.example", "x\u{0301}\u{0327}@b.example", "a\u{200B}b@c.example", "a\u{202E}b@c.example",
        "\u{FF41}@b.example", "\u{FB01}@b.example", "a\u{00AD}b@c.example", "a@bücher.example",
        String(repeating: "a", count: 65) + "@b.example",
        "a@" + String(repeating: "b.", count: 130) + "example",
    ])
    func `refuses everything else`(text: String) {
        #expect(throws: FieldErrors.self) { try EmailAddress(text) }
    }

    @Test(arguments: [
        ("Ada@Example.ORG", "ada@example.org"), ("JÖRG@example.org", "jörg@example.org"),
        ("straße@example.org", "STRASSE@example.org"), ("ΣΟΦΟΣ@example.org", "σοφος@example.org"),
        ("ΣΟΦΟΣ@example.org", "σοφος@example.org".replacing("ς", with: "σ")), ("\u{212B}@example.org", "å@example.org"),
        ("jo\u{0308}rg@example.org", "jörg@example.org"),
    ])
    func `is the same whatever the case and the composition`(one: String, other: String) throws {
        #expect(try Array(EmailAddress(one).key.utf8) == Array(EmailAddress(other).key.utf8))
    }

    @Test func `keeps different addresses apart`() throws {
        #expect(try EmailAddress("ada@example.org").key != EmailAddress("ad@example.org").key)
        #expect(try EmailAddress("jorg@example.org").key != EmailAddress("jörg@example.org").key)
    }
}
