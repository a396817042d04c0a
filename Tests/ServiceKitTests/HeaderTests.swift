import Testing

@testable import ServiceKit

@Suite struct HeaderTests {
    @Test(arguments: [
        ("*", EntityTagList.any), ("**", nil), (#""a""#, .tags(strong: [.init(opaque: "a")], weak: [])),
        (#"W/"a", "b" ,"c""#, .tags(strong: [.init(opaque: "b"), .init(opaque: "c")], weak: [.init(opaque: "a")])),
        (#""""#, .tags(strong: [.init(opaque: "")], weak: [])), ("", nil), ("a", nil), (#""a"#, nil),
        (#""a" "b""#, nil),
        (#"w/"a""#, nil), (#""a",*"#, nil),
    ])
    func `reads lists of entity tags`(text: String, expected: EntityTagList?) {
        #expect(EntityTagList(fieldValue: text) == expected)
    }

    @Test func `a condition holds only for strong tags of versions`() {
        #expect(IfMatch(nil).versions == nil)
        #expect(IfMatch(.any).versions == nil)
        #expect(IfMatch(EntityTagList(fieldValue: #"W/"1", "2", "x", "3""#)).versions == [2, 3])
        #expect(IfMatch(EntityTagList(fieldValue: #""nonsense""#)).versions == [])
        #expect(IfMatch(EntityTagList(fieldValue: #""+1", "01", " 1", "-0""#)).versions == [], "not the text of a tag")
    }

    @Test(arguments: [
        ("", []), ("a=1", [("a", "1")]), ("a=1&a=2&b", [("a", "1"), ("a", "2"), ("b", "")]),
        ("a=%C3%A9+x%2B&%26=%3D", [("a", "é x+"), ("&", "=")]), ("a=b=c", [("a", "b=c")]), ("&&a=1&", [("a", "1")]),
    ])
    func `reads queries`(text: String, expected: [(String, String)]) throws {
        let items = try #require(QueryString(text)).items
        #expect(items.map(\.name) == expected.map(\.0) && items.map(\.value) == expected.map(\.1))
    }

    @Test(arguments: ["a=%", "a=%4", "a=%zz", "a=%FF", "%C3=1"])
    func `refuses broken queries`(text: String) {
        #expect(QueryString(text) == nil)
    }

    @Test func `refuses a query of too many items`() {
        #expect(QueryString(repeatElement("a=1", count: 256).joined(separator: "&")) != nil)
        #expect(QueryString(repeatElement("a=1", count: 257).joined(separator: "&")) == nil)
    }

    @Test(arguments: [Int64(1), 42, .max, 0, .min])
    func `a cursor leads back to its position, in its list only`(position: Int64) {
        let cursor = Cursor.encode(position, list: "/a")
        #expect(Cursor.decode(cursor, list: "/a") == position)
        #expect(Cursor.decode(cursor, list: "/b") == nil)
        #expect(cursor.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") })
    }

    @Test func `refuses a cursor with any character changed`() {
        let cursor = Array(Cursor.encode(123_456, list: "/a"))
        for index in cursor.indices {
            for character in "ABz_0" where character != cursor[index] {
                var changed = cursor
                changed[index] = character
                #expect(Cursor.decode(String(changed), list: "/a") == nil)
            }
        }
        for text in ["", "x", "1", String(repeating: "A", count: 18), String(repeating: "é", count: 9), "-1"] {
            #expect(Cursor.decode(text, list: "/a") == nil)
        }
    }

    @Test(arguments: ["a", "A-z_0.9", String(repeating: "x", count: 128)])
    func `keeps a valid request id`(id: String) {
        var random = SplitMix(state: 1)
        #expect(RequestID.keep(id, orMakeWith: &random) == id)
    }

    @Test(arguments: [nil, "", "a b", "a\nb", "é", "a/b", "<script>", String(repeating: "x", count: 129)])
    func `replaces any other request id`(id: String?) {
        var random = SplitMix(state: 1)
        let fresh = RequestID.keep(id, orMakeWith: &random)
        #expect(fresh != id && fresh.count == 32 && RequestID.isValid(fresh))
    }

    @Test(arguments: [
        ("application/json", true), ("Application/JSON; charset=UTF-8", true),
        ("application/json;charset=\"utf-8\"", true),
        ("application/json; charset=utf-16", false), ("text/plain", false), ("application/jsonx", false), (nil, false),
        ("application/problem+json", false), ("application/json, text/plain", false),
    ])
    func `takes JSON in UTF-8 only`(contentType: String?, isTaken: Bool) {
        #expect(EndpointResponder.isContentType(contentType, .json) == isTaken)
    }
}
