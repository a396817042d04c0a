import Testing

@testable import ServiceKit

@Suite struct FormTests {
    private func read(_ text: String) throws -> Parcel { try Parcel.form.read(JSONParser.parse(Array(text.utf8))) }

    private func errors(_ text: String) -> [FieldError] {
        do {
            _ = try read(text)
            return []
        } catch {
            return (error as? FieldErrors)?.errors ?? [FieldError(field: "?", message: "\(error)")]
        }
    }

    @Test func `fills in defaults and keeps what is given`() throws {
        let parcel = try read(#"{"name":"Book","lines":[{"id":9223372036854775807,"count":2}]}"#)
        #expect(parcel.name == "Book")
        #expect(parcel.price == Money(minorUnits: 150))
        #expect(parcel.note == nil)
        #expect(parcel.lines.map(\.id) == [.max])
    }

    @Test func `lists every refused field at once`() {
        let text = #"""
            {"name":"","price":-1,"note":null,"colour":"red","size":3,"lines":[{"id":0,"count":"x"},7,{"count":1,"extra":true}]}
            """#
        #expect(
            errors(text) == [
                FieldError(field: "colour", message: "is not a field of this resource"),
                FieldError(field: "size", message: "is not a field of this resource"),
                FieldError(field: "name", message: "must not be empty"),
                FieldError(field: "price", message: "must not be negative"),
                FieldError(field: "note", message: "must be a string, not null"),
                FieldError(field: "lines[0].id", message: "must be at least 1"),
                FieldError(field: "lines[0].count", message: "must be a whole number, not a string"),
                FieldError(field: "lines[1]", message: "must be an object, not a number"),
                FieldError(field: "lines[2].extra", message: "is not a field of this resource"),
                FieldError(field: "lines[2].id", message: "is required"),
            ])
    }

    @Test(arguments: [
        (#"{"lines":[{"id":1,"count":1}]}"#, "name", "is required"),
        (#"{"name":"a","name":"b","lines":[{"id":1,"count":1}]}"#, "name", "appears more than once"),
        (#"{"name":"a\u0000b","lines":[{"id":1,"count":1}]}"#, "name", "must not contain the character U+0000"),
        (#"{"name":"12345678901","lines":[{"id":1,"count":1}]}"#, "name", "must have at most 10 characters"),
        (#"{"name":7,"lines":[{"id":1,"count":1}]}"#, "name", "must be a string, not a number"),
        (#"{"name":"a","price":1.005,"lines":[{"id":1,"count":1}]}"#, "price", "must have at most two decimals"),
        (#"{"name":"a","price":"1","lines":[{"id":1,"count":1}]}"#, "price", "must be a number, not a string"),
        (
            #"{"name":"a","price":1e2,"lines":[{"id":1,"count":1}]}"#, "price",
            "must be a plain decimal number without exponent"
        ),
        (#"{"name":"a","price":99999999999999999999,"lines":[{"id":1,"count":1}]}"#, "price", "is out of range"),
        (#"{"name":"a","lines":[]}"#, "lines", "must not be empty"),
        (#"{"name":"a","lines":{}}"#, "lines", "must be an array, not an object"),
        (#"{"name":"a","lines":[{"id":9223372036854775808,"count":1}]}"#, "lines[0].id", "must fit in 64 bits"),
        (
            #"{"name":"a","lines":[{"id":1.0,"count":1}]}"#, "lines[0].id",
            "must be a whole number without fraction or exponent"
        ),
        (#"{"name":"a","lines":[{"id":1,"count":4}]}"#, "lines[0].count", "must be at most 3"),
        (#"{"name":"a","lines":[{"id":1,"count":1},{"id":1,"count":1}]}"#, "lines[1].id", "repeats an earlier line"),
        ("[]", "", "must be an object, not an array"), ("null", "", "must be an object, not null"),
    ])
    func `says what is wrong with a field`(text: String, field: String, message: String) {
        #expect(errors(text) == [FieldError(field: field, message: message)])
    }

    @Test func `an answer about many errors stays small`() {
        let lines = repeatElement("{}", count: 3).joined(separator: ",")
        let unknown = (0..<5_000).map { "\"x\($0)\":0" }.joined(separator: ",")
        #expect(errors("{\(unknown),\"lines\":[\(lines)]}").count == FieldErrors.maximumCount)
        let long = String(repeating: "k", count: 10_000)
        #expect(errors("{\"\(long)\":1,\"name\":\"a\",\"lines\":[{\"id\":1,\"count\":1}]}").first?.field.count == 65)
    }
}

private struct Parcel: RequestForm {
    private static let nameField = Field.required("name", .text(1...10), "")
    private static let priceField = Field.defaulted("price", .money(), "", Money(minorUnits: 150))
    private static let noteField = Field.optional("note", .text(0...5), "")
    private static let linesField = Field.required("lines", .list(of: Shape<Line>.form, 1...3), "")
    static let form = Form<Parcel>("Parcel", "", [nameField, priceField, noteField, linesField])

    let name: String
    let price: Money
    let note: String?
    let lines: [Line]

    init(_ values: FormValues) throws(FieldErrors) {
        name = values[Self.nameField]
        price = values[Self.priceField]
        note = values[Self.noteField]
        lines = values[Self.linesField]
        for (index, line) in lines.enumerated() where lines[..<index].contains(where: { $0.id == line.id }) {
            throw FieldErrors([FieldError(field: "lines[\(index)].id", message: "repeats an earlier line")])
        }
    }
}

private struct Line: RequestForm {
    private static let idField = Field.required("id", .identifier, "")
    private static let countField = Field.defaulted("count", .integer(1...3), "", 1)
    static let form = Form<Line>("Line", "", [idField, countField])

    let id: Int64
    let count: Int64

    init(_ values: FormValues) {
        id = values[Self.idField]
        count = values[Self.countField]
    }
}
