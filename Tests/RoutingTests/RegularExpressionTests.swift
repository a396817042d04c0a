import Testing

@testable import Routing

@Suite struct RegularExpressionTests {
    private func matches(_ expression: String, _ text: String) throws(SyntaxError) -> Bool {
        try RegularExpression(expression).matches(Array(text.utf8).span)
    }

    private func matches(_ expression: RegularExpression, _ bytes: [UInt8]) -> Bool { expression.matches(bytes.span) }

    @Test(arguments: [
        ("abc", ["abc"], ["", "ab", "abcd", "xabc", "ABC"]),
        ("a.c", ["abc", "a/c"], ["ac", "a\nc"]),
        ("/items/[0-9]+", ["/items/1", "/items/123"], ["/items/", "/items/1/", "/items/a"]),
        ("/v[12]/.*", ["/v1/", "/v2/a/b"], ["/v3/", "/v1"]),
        ("a*", ["", "a", "aaaa"], ["b", "ab"]),
        ("a|bc|", ["a", "bc", ""], ["b", "abc"]),
        ("(ab)+c?", ["ab", "ababc"], ["abcc", ""]),
        ("(?:a|b){2,3}", ["ab", "bbb"], ["a", "aaaa"]),
        ("a{2}", ["aa"], ["a", "aaa"]), ("a{2,}", ["aa", "aaaaa"], ["a"]),
        ("[^/]+", ["abc"], ["a/b", ""]), ("[a-c-]", ["a", "-"], ["d"]), ("[]a]", ["]", "a"], ["b"]),
        ("\\d{3}-\\w+", ["123-a_9"], ["12-a", "123-!"]), ("\\S\\s\\D", ["a b"], ["a 1"]),
        ("\\.\\*\\x41", [".*A"], ["aaA"]), ("^/a$", ["/a"], ["/a/", "x/a"]), ("(^a|b)c$", ["ac", "bc"], ["c"]),
        ("a^b", [], ["ab", "a^b"]), ("a$b", [], ["ab"]), ("$", [""], ["a"]),
        ("(?i)abc", ["abc", "ABC", "aBc"], ["abd"]), ("a(?i)b|c", ["ab", "aB", "C", "c"], ["AB", "aC"]),
        ("(?i:a)b", ["Ab", "ab"], ["AB"]), ("(a(?i)b)c", ["aBc"], ["aBC"]), ("[a-z&&b]", ["&", "q"], ["A"]),
        ("é+", ["é", "éé"], ["e"]), ("a+?", ["a", "aa"], [""]),
    ])
    func `matches whole texts as RE2 does`(expression: String, good: [String], bad: [String]) throws {
        for text in good { #expect(try matches(expression, text), "\(expression) and \(text)") }
        for text in bad { #expect(try !matches(expression, text), "\(expression) and \(text)") }
    }

    @Test(arguments: [
        ("(a", "without its \")\""), ("a)", "without its \"(\""), ("[a", "without its \"]\""),
        ("*a", "nothing to repeat"),
        ("a**", "repetition of a repetition"), ("(?=a)", "look-ahead"), ("(?<=a)b", "look-behind"),
        ("(a)\\1", "back-reference"), ("\\bfoo", "\\b"), ("\\pL", "Unicode"), ("a{3,2}", "below its beginning"),
        ("a{1001}", "more than 1000"), ("(?s)a", "flag"), ("[[:alpha:]]", "POSIX"), ("a\\", "ends with"),
        ("[z-a]", "below its beginning"), ("\\q", "unknown escape"), ("((a{100}){100}){100}", "repeats too much"),
        ("a{,2}", "no repetition"),
    ])
    func `what is not supported is said`(expression: String, part: String) {
        do {
            _ = try RegularExpression(expression)
            Issue.record("\(expression) was accepted")
        } catch {
            #expect(error.message.contains(part), "\(error.message)")
        }
    }

    @Test func `an expression that would explode as an automaton is still run, and in linear time`() throws {
        // 2^20 states if it were determinised: it runs as a program.
        let expression = try RegularExpression("(?:a|b)*a(?:a|b){20}")
        let text = Array(repeating: UInt8(ascii: "a"), count: 10_000)
        #expect(matches(expression, text))
        #expect(!matches(expression, Array(repeating: UInt8(ascii: "b"), count: 10_000)))
        // The classic that takes a backtracking engine for ever.
        let evil = try RegularExpression("(a+)+b")
        #expect(!matches(evil, text))
    }

    @Test func `the automaton and the program say the same`() throws {
        for expression in ["(a|ab)(c|bcd)(d*)", "^(a?){3}$", "(?:[ab]c?)+d|", "a.{2}b", "(^|a)b($|c)"] {
            var parser = ExpressionParser(expression)
            let program = try ExpressionProgram(parser.parse())
            let automaton = try #require(Automaton(program))
            for number in 0..<4_096 {
                var rest = number
                let length = number % 7
                let text = (0..<length).map { _ in
                    defer { rest /= 4 }
                    return UInt8(ascii: "a") + UInt8(rest % 4)
                }
                let (fast, slow) = (automaton.accepts(text.span), program.accepts(text.span))
                #expect(fast == slow, "\(expression) \(text)")
            }
        }
    }

    @Test func `an example is a text that matches`() throws {
        for text in ["/items/[0-9]+", "(?i)abc|d", "/v[12]/.*", "a{3}"] {
            let expression = try RegularExpression(text)
            let example = try #require(expression.example)
            #expect(matches(expression, Array(example.utf8)))
        }
    }
}
