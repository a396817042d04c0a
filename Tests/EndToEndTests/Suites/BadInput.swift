import Testing

/// A request that has to be refused, and how.
struct BadInput: Sendable, CustomTestStringConvertible {
    let what: String
    var method = "POST"
    var path: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]?
    let status: Int
    /// The fields that the problem has to name; nil when it names none.
    var fields: [String]?

    var testDescription: String { "\(what): \(method) \(path.prefix(80))" }

    private static func create(
        _ what: String, _ path: String, _ body: String, _ status: Int, _ fields: [String]? = nil
    ) -> BadInput {
        BadInput(what: what, path: path, body: Array(body.utf8), status: status, fields: fields)
    }

    private static func item(_ what: String, _ body: String, _ fields: [String]) -> BadInput {
        create(what, "/warehouse/items", body, 422, fields)
    }

    private static func transaction(_ what: String, _ body: String, _ fields: [String]) -> BadInput {
        create(what, "/accounting/transactions", body, 422, fields)
    }

    private static func order(_ what: String, _ body: String, _ fields: [String]) -> BadInput {
        create(what, "/sales/orders", body, 422, fields)
    }

    /// Values that are JSON, and not what a resource may be.
    static let values: [BadInput] = [
        item("nothing", "{}", ["name"]),
        item("an empty name", #"{"name": ""}"#, ["name"]),
        item(
            "wrong types",
            #"{"name": 7, "description": null, "country_of_origin": [], "price": "12.30", "quantity": true}"#,
            ["name", "description", "country_of_origin", "price", "quantity"]),
        item("negative numbers", #"{"name": "Refused", "price": -0.01, "quantity": -1}"#, ["price", "quantity"]),
        item("more than two decimals", #"{"name": "Refused", "price": 1.005}"#, ["price"]),
        item("a quantity with a fraction", #"{"name": "Refused", "quantity": 1.5}"#, ["quantity"]),
        item(
            "integers beyond 64 bits",
            #"{"name": "Refused", "price": 92233720368547758.08, "quantity": 9223372036854775808}"#,
            ["price", "quantity"]),
        item(
            "numbers without end", #"{"name": "Refused", "price": 1e400, "quantity": -1e999999999}"#,
            ["price", "quantity"]),
        item("unknown fields", #"{"name": "Refused", "prize": 1.00, "id": 1}"#, ["prize", "id"]),
        item("a field twice", #"{"name": "Refused", "name": "Refused too"}"#, ["name"]),
        item("NUL in text", #"{"name": "Refused\u0000"}"#, ["name"]),
        item("a name without end", #"{"name": "\#(String(repeating: "x", count: 900_000))"}"#, ["name"]),
        transaction("nothing", "{}", ["order_id", "order_sum"]),
        transaction("wrong types", #"{"order_id": "1", "order_sum": "1.00"}"#, ["order_id", "order_sum"]),
        transaction("a negative sum", #"{"order_id": 1, "order_sum": -0.01}"#, ["order_sum"]),
        transaction("more than two decimals", #"{"order_id": 1, "order_sum": 0.001}"#, ["order_sum"]),
        transaction(
            "integers beyond 64 bits", #"{"order_id": 9223372036854775808, "order_sum": 92233720368547758.08}"#,
            ["order_id", "order_sum"]),
        transaction("an unknown field", #"{"order_id": 1, "sum": 1.00}"#, ["order_sum", "sum"]),
        order("nothing", "{}", ["customer_id", "items"]),
        order("no lines", #"{"customer_id": 666001, "items": []}"#, ["items"]),
        order(
            "an item on two lines",
            """
            {"customer_id": 666001, "items": [{"id": 1, "price": 1.00, "quantity": 1},
             {"id": 2, "price": 1.00, "quantity": 1}, {"id": 1, "price": 2.00, "quantity": 1}]}
            """, ["items[2].id"]),
        order(
            "every line wrong",
            """
            {"customer_id": 666001, "items": [{"id": 1, "price": -1, "quantity": 1},
             {"id": 2, "price": 1.00, "quantity": 0}, {}]}
            """,
            ["items[0].price", "items[1].quantity", "items[2].id", "items[2].price", "items[2].quantity"]),
        order(
            "an unknown field of a line",
            #"{"customer_id": 666001, "items": [{"id": 1, "price": 1.00, "quantity": 1, "discount": 1}]}"#,
            ["items[0].discount"]),
        order(
            "integers beyond 64 bits",
            """
            {"customer_id": 9223372036854775808, "items": [{"id": 9223372036854775808,
             "price": 92233720368547758.08, "quantity": 9223372036854775808}]}
            """, ["customer_id", "items[0].id", "items[0].price", "items[0].quantity"]),
    ]

    /// Bodies that are no JSON, or do not say that they are.
    static func bodies(of path: String) -> [BadInput] {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        var inputs = [
            create("malformed JSON", path, #"{"name": "#, 400), create("two values", path, "{} {}", 400),
            create("no body", path, "", 400), create("no object", path, "[1, 2, 3]", 422),
            create("nested without end", path, deep, 400),
            create("a half character", path, #"{"name": "\ud800"}"#, 400),
            create("a bare word", path, "name", 400), create("a trailing comma", path, #"{"name": "Refused",}"#, 400),
        ]
        for (what, bytes) in [
            ("bytes that are no UTF-8", [0xFF, 0xFE]), ("an overlong encoding", [0xC0, 0xAF]),
            ("a half character in UTF-8", [0xED, 0xA0, 0x80]), ("a NUL byte", [0x00]), ("a line break in text", [0x0A]),
        ] as [(String, [UInt8])] {
            let body = Array(#"{"name": "Refused"#.utf8) + bytes + Array(#""}"#.utf8)
            inputs.append(BadInput(what: what, path: path, body: body, status: 400))
        }
        for type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1"] {
            inputs.append(
                BadInput(
                    what: type, path: path, headers: [("content-type", type)], body: Array("{}".utf8), status: 415))
        }
        return inputs
    }

    /// Questions that a list does not answer.
    static func queries(of path: String) -> [BadInput] {
        func get(_ what: String, _ query: String, _ field: String) -> BadInput {
            BadInput(what: what, method: "GET", path: "\(path)?\(query)", status: 422, fields: [field])
        }
        return [
            get("a limit of none", "limit=0", "limit"), get("a limit beyond the largest", "limit=201", "limit"),
            get("a negative limit", "limit=-1", "limit"), get("a limit in words", "limit=many", "limit"),
            get("a limit beyond 64 bits", "limit=99999999999999999999", "limit"),
            get("a limit twice", "limit=1&limit=2", "limit"), get("an empty cursor", "cursor=", "cursor"),
            get("an invented cursor", "cursor=%F0%9F%90%9B", "cursor"), get("NUL as cursor", "cursor=%00", "cursor"),
            get("a cursor of SQL", "cursor=1%27%3BDROP%20TABLE%20items%3B--", "cursor"),
            get("a cursor of kilobytes", "cursor=\(String(repeating: "A", count: 6_000))", "cursor"),
            get("an unknown parameter", "page=2", "page"),
        ]
    }

    /// Resources that are not there, by every method that one could have.
    static func unknown(of path: String, change: String) -> [BadInput] {
        let absent = ["9223372036854775807", "9223372036854775808", "0", "-1", "abc", "1.0", "1%27"]
        var inputs = absent.flatMap { id in
            ["GET", "DELETE"].map { BadInput(what: "an unknown id", method: $0, path: "\(path)/\(id)", status: 404) }
        }
        inputs.append(
            BadInput(
                what: "an unknown id", method: "PUT", path: "\(path)/9223372036854775807", body: Array(change.utf8),
                status: 404))
        for (method, path) in [("DELETE", path), ("PATCH", "\(path)/1"), ("POST", "\(path)/1")] {
            let body = method == "DELETE" ? nil : Array("{}".utf8)
            inputs.append(BadInput(what: "a method it has not", method: method, path: path, body: body, status: 405))
        }
        return inputs
    }
}
