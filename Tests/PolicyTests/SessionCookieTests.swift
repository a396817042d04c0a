import Policy
import Testing

@Suite struct SessionCookieTests {
    private func read(_ text: [UInt8], _ key: SipHash) -> SessionCookie? { SessionCookie(text.span, key: key) }

    /// The paper's example: key 00 01 … 0f, input 00 01 … 0e.
    @Test func `SipHash-2-4 of the paper's test vector`() {
        let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        func hashed(_ bytes: [UInt8]) -> UInt64 { hash.hash(bytes.span) }
        #expect(hashed(Array(UInt8(0)...14)) == 0xa129_ca61_49be_45e5)
        #expect(hashed([]) == 0x726f_db47_dd0e_0e31)
    }

    @Test func `a cookie is read by its key alone, and only whole`() {
        let key = SipHash(key: (1, 2))
        let cookie = SessionCookie(endpoint: 0x1234, endSeconds: 99)
        let text = cookie.text(key: key)
        #expect(text.count == SessionCookie.count)
        #expect(read(text, key) == cookie)
        #expect(read(text, SipHash(key: (1, 3))) == nil)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == 0x30 ? 0x31 : 0x30
            #expect(read(changed, key) == nil, "\(place)")
        }
        #expect(read(Array(text.dropLast()), key) == nil)
    }
}
