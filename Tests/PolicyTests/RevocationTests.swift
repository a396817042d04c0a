import Testing

@testable import Policy

@Suite struct RevocationTests {
    private func token(
        _ subject: String = "42", id: String? = "a", issuedAt: Int64? = 100_000, expiresAt: Int64 = 1_000
    ) -> VerifiedToken {
        VerifiedToken(
            subject: subject, scopes: [], expiresAtSeconds: expiresAt, tokenID: id, issuedAtMilliseconds: issuedAt)
    }

    @Test(
        arguments: [
            (99_999, true), (100_000, false), (100_001, false), (nil, true),
        ] as [(Int64?, Bool)])
    func `tokens of a subject are revoked when they were issued before`(issuedAt: Int64?, isRevoked: Bool) {
        var list = RevocationList()
        let isNews1 = list.insert(
            .subject("42", issuedBeforeMilliseconds: 100_000, endsAtSeconds: 1_000), nowSeconds: 0)
        #expect(isNews1)
        #expect(list.revokes(token(issuedAt: issuedAt)) == isRevoked)
        #expect(!list.revokes(token("43", issuedAt: issuedAt)))
    }

    @Test func `a token is revoked by its identifier, and another is not`() {
        var list = RevocationList()
        let isNews2 = list.insert(.token("a", expiresAtSeconds: 1_000), nowSeconds: 0)
        #expect(isNews2)
        #expect(list.revokes(token()))
        #expect(!list.revokes(token(id: "b")))
        #expect(!list.revokes(token(id: nil)))
    }

    @Test func `what is known already is no news, and nothing makes it milder`() {
        var list = RevocationList()
        let isNews3 = list.insert(.subject("42", issuedBeforeMilliseconds: 200_000, endsAtSeconds: nil), nowSeconds: 0)
        #expect(isNews3)
        let isNews4 = list.insert(.subject("42", issuedBeforeMilliseconds: 100_000, endsAtSeconds: 500), nowSeconds: 0)
        #expect(!isNews4)
        let isNews5 = list.insert(.subject("42", issuedBeforeMilliseconds: 200_000, endsAtSeconds: nil), nowSeconds: 0)
        #expect(!isNews5)
        #expect(list.revokes(token(issuedAt: 199_999)))
        let isNews6 = list.insert(.subject("42", issuedBeforeMilliseconds: 300_000, endsAtSeconds: 500), nowSeconds: 0)
        #expect(isNews6)
        #expect(list.revokes(token(issuedAt: 299_999)))
        let isNews7 = list.insert(.token("a", expiresAtSeconds: 10), nowSeconds: 0)
        #expect(isNews7)
        let isNews8 = list.insert(.token("a", expiresAtSeconds: 9), nowSeconds: 0)
        #expect(!isNews8)
        #expect(list.count == 2)
    }

    @Test func `entries end when none of their tokens can be good any more, skew included`() {
        var list = RevocationList()
        _ = list.insert(.token("a", expiresAtSeconds: 1_000), nowSeconds: 0)
        _ = list.insert(.subject("42", issuedBeforeMilliseconds: 1, endsAtSeconds: 1_000), nowSeconds: 0)
        _ = list.insert(.subject("for ever", issuedBeforeMilliseconds: 1, endsAtSeconds: nil), nowSeconds: 0)
        list.prune(nowSeconds: 1_299)
        #expect(list.count == 3)
        list.prune(nowSeconds: 1_300)
        #expect(list.count == 1 && !list.isOverfull)
        list.prune(nowSeconds: .max / 2)
        #expect(list.count == 1)
    }

    @Test func `of too many the oldest are forgotten, and tokens as old as they are refused`() {
        var list = RevocationList(limit: 16)
        for number in 1...17 as ClosedRange<Int64> {
            _ = list.insert(
                .subject("s\(number)", issuedBeforeMilliseconds: number * 1_000, endsAtSeconds: nil), nowSeconds: 0)
            _ = list.insert(.token("t\(number)", expiresAtSeconds: 10_000 + number), nowSeconds: 0)
        }
        #expect(list.isFull)
        list.prune(nowSeconds: 0)
        #expect(list.count == 30 && !list.isFull && list.isOverfull)
        // Subjects 1 and 2 are forgotten, and tokens 1 and 2, which may live 300 seconds longer than they say.
        for number in 1...17 as ClosedRange<Int64> {
            let old = token("s\(number)", id: nil, issuedAt: number * 1_000 - 1, expiresAt: 20_000)
            #expect(list.revokes(old))
            #expect(list.revokes(token("x", id: "t\(number)", issuedAt: 9_000_000, expiresAt: 10_000 + number)))
        }
        #expect(list.revokes(token("x", id: "x", issuedAt: 1_999, expiresAt: 20_000)))
        #expect(!list.revokes(token("x", id: "x", issuedAt: 2_000, expiresAt: 20_000)))
        #expect(list.revokes(token("x", id: "x", issuedAt: 2_000, expiresAt: 10_302)))
        #expect(!list.revokes(token("x", id: "x", issuedAt: 2_000, expiresAt: 10_303)))
    }

    @Test func `what has ended or was forgotten is no news when it is told again`() {
        var list = RevocationList(limit: 16)
        let entries = (1...17 as ClosedRange<Int64>).flatMap { number -> [RevocationList.Entry] in
            [
                .subject("s\(number)", issuedBeforeMilliseconds: number * 1_000, endsAtSeconds: 1_000),
                .token("t\(number)", expiresAtSeconds: 1_000 + number),
            ]
        }
        for entry in entries { _ = list.insert(entry, nowSeconds: 0) }
        list.prune(nowSeconds: 0)
        // A feed that is walked again says all of it again: the list must neither grow nor be published for that.
        let news = entries.filter { list.insert($0, nowSeconds: 0) }
        #expect(news.isEmpty)
        #expect(list.count == 30)
        let late = entries.filter { list.insert($0, nowSeconds: 1_317) }
        #expect(late.isEmpty)
    }

    @Test func `nothing is refused for what was forgotten once that has ended`() {
        var list = RevocationList(limit: 16)
        for number in 1...17 as ClosedRange<Int64> {
            _ = list.insert(
                .subject("s\(number)", issuedBeforeMilliseconds: number * 1_000, endsAtSeconds: 1_000), nowSeconds: 0)
            _ = list.insert(.token("t\(number)", expiresAtSeconds: 1_000 + number), nowSeconds: 0)
        }
        list.prune(nowSeconds: 0)
        // Of an older revocation nothing is kept, but it lasts longer.
        let isNews = list.insert(
            .subject("s0", issuedBeforeMilliseconds: 1_500, endsAtSeconds: 1_100), nowSeconds: 0)
        #expect(!isNews)
        let old = token("x", id: "x", issuedAt: 1_400, expiresAt: 20_000)
        let soonOver = token("x", id: "x", issuedAt: 90_000, expiresAt: 1_302)
        #expect(list.revokes(old) && list.revokes(soonOver))
        list.prune(nowSeconds: 1_399)
        #expect(list.isOverfull && list.revokes(old) && list.revokes(soonOver))
        list.prune(nowSeconds: 1_400)
        #expect(list.isOverfull && !list.revokes(old) && list.revokes(soonOver))
        list.prune(nowSeconds: 1_602)
        #expect(!list.isOverfull && list.count == 0 && !list.revokes(soonOver))
    }

    @Test func `two sources never have the same generation`() {
        let sources = (0..<3).map { _ in RevocationSource() }
        for source in sources { source.publish(RevocationList()) }
        #expect(Set(sources.map(\.generation)).count == 3)
    }

    @Test func `a token that was verified before dies with the list that names it, and is looked up once for each`() {
        var cache = TokenCache(capacity: 4, key: (1, 2))
        let source = RevocationSource()
        let bytes = Array("header.payload.signature".utf8)
        cache.insert(bytes, provider: 0, verified: token(), nowSeconds: 0)
        func find() -> TokenCache.Finding? {
            cache.find(bytes.span, provider: 0, nowSeconds: 0, revocations: source)
        }
        #expect(find() == .verified(token()))
        let first = source.generation
        var list = RevocationList()
        _ = list.insert(.token("a", expiresAtSeconds: 1_000), nowSeconds: 0)
        source.publish(list)
        #expect(source.generation > first)
        #expect(find() == .revoked(token()))
        #expect(find() == .revoked(token()))
        // Whose issuer tells nobody: it is not asked.
        source.publish(RevocationList())
        #expect(find() == .verified(token()))
    }
}
