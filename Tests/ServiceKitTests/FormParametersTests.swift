import Testing

@testable import ServiceKit

@Suite struct FormParametersTests {
    @Test func `reads names and values, escapes included`() throws {
        let form = try #require(FormParameters(Array("grant_type=a%20b+c&scope=%C3%A9".utf8)))
        #expect(form["grant_type"] == "a b c" && form["scope"] == "é" && form["client_id"] == nil)
    }

    @Test func `a parameter without a value is as if it were absent`() throws {
        let form = try #require(FormParameters(Array("scope=&client_id".utf8)))
        #expect(form["scope"] == nil && form["client_id"] == nil)
    }

    @Test(arguments: ["a=1&a=2", "a=%4", "a=%zz", "a=%FF"])
    func `refuses repeated parameters and broken escapes`(text: String) {
        #expect(FormParameters(Array(text.utf8)) == nil)
    }

    @Test func `refuses bytes that are not UTF-8, and more parameters than a query may have`() {
        #expect(FormParameters([0x61, 0x3D, 0xFF]) == nil)
        let many = (0...QueryString.maximumItems).map { "p\($0)=1" }.joined(separator: "&")
        #expect(FormParameters(Array(many.utf8)) == nil)
    }
}
