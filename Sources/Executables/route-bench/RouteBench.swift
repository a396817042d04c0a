import Glibc
import Routing

/// How long ten thousand routes take to read, compile and match, and what memory they cost; for `scripts/bench routes`.
@main
enum RouteBench {
    private static let hosts = 1_000

    static func main() {
        let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
        let sources = documents(count)
        let before = residentKilobytes()
        let clock = ContinuousClock()
        var translation: Translation?
        let compiling = clock.measure { translation = Translation(of: Documents(reading: sources)) }
        guard let table = translation?.table, translation?.errors.isEmpty == true else {
            print("the documents have errors: \(translation?.errors.first?.description ?? "")")
            exit(1)
        }
        let memory = residentKilobytes() - before
        print("| routes | entries | documents to table | memory of documents and table | a match | the slowest kind |")
        print("|---|---|---|---|---|---|")
        let kinds = (0..<4).map { nanoseconds(table, count, kind: $0) }
        let mean = kinds.reduce(0, +) / Double(kinds.count)
        let milliseconds = Double(compiling.components.attoseconds) / 1e15 + Double(compiling.components.seconds) * 1e3
        print(
            "| \(count) | \(table.entries.count) | \(Int(milliseconds)) ms | \(memory / 1_024) MB "
                + "| \(Int(mean)) ns | \(Int(kinds.max() ?? 0)) ns |")
    }

    /// Nanoseconds a match; kinds: a prefix below, an exact path, a condition on a header, and nothing found.
    private static func nanoseconds(_ table: RouteTable, _ count: Int, kind: Int) -> Double {
        let rounds = 200_000
        var requests: [(host: [UInt8], path: [UInt8])] = []
        for number in 0..<1_000 {
            let route = number * 7_919 % count
            let paths = ["/team\(route)/items/1", "/team\(route)/exact", "/team\(route)/items/1", "/nobody/\(route)"]
            requests.append((Array("h\(route % hosts).example.com".utf8), Array(paths[kind].utf8)))
        }
        let method = Array((kind == 2 ? "PUT" : "GET").utf8)
        var found = 0
        let elapsed = ContinuousClock().measure {
            for round in 0..<rounds {
                let request = requests[round % requests.count]
                let decision = table.match(
                    listener: 0, host: request.host.span, path: request.path.span, query: [UInt8]().span,
                    method: method.span, header: { _ in true })
                if case .rule = decision { found += 1 }
            }
        }
        precondition(found == (kind == 3 ? 0 : rounds), "every request finds its route")
        return Double(elapsed.components.attoseconds) / 1e9 / Double(rounds)
            + Double(elapsed.components.seconds) * 1e9 / Double(rounds)
    }

    private static func residentKilobytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        guard fgets(&text, 128, file) != nil else { return 0 }
        let fields = text.prefix { $0 != 0 }.split(separator: 0x20).map {
            String(decoding: $0.map(UInt8.init), as: UTF8.self)
        }
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4 : 0
    }

    // MARK: - Documents

    private static func documents(_ count: Int) -> [SourceDocument] {
        var values = [
            object(
                "gateway.networking.k8s.io/v1", "GatewayClass", "c", [("controllerName", text("gatehouse.dev/gateway"))]
            ),
            object(
                "gateway.networking.k8s.io/v1", "Gateway", "g",
                [
                    ("gatewayClassName", text("c")),
                    (
                        "listeners",
                        list([map([("name", text("http")), ("port", number(80)), ("protocol", text("HTTP"))])])
                    ),
                ]),
        ]
        for service in 0..<100 {
            values.append(object("v1", "Service", "s\(service)", [("ports", list([map([("port", number(80))])]))]))
        }
        for route in 0..<count {
            let path = "/team\(route)"
            let prefix = map([("path", map([("value", text(path))]))])
            let exact = map([("path", map([("type", text("Exact")), ("value", text("\(path)/exact"))]))])
            let field = map([("name", text("x-version")), ("value", text("2"))])
            let header = map([
                ("path", map([("value", text(path))])), ("method", text("PUT")), ("headers", list([field])),
            ])
            let backend = map([("name", text("s\(route % 100)")), ("port", number(80))])
            let rule = map([("matches", list([prefix, exact, header])), ("backendRefs", list([backend]))])
            values.append(
                object(
                    "gateway.networking.k8s.io/v1", "HTTPRoute", "r\(route)",
                    [
                        ("parentRefs", list([map([("name", text("g"))])])),
                        ("hostnames", list([text("h\(route % hosts).example.com")])), ("rules", list([rule])),
                    ]))
        }
        return values.enumerated().map { SourceDocument(file: "generated", number: $0.offset + 1, value: $0.element) }
    }

    private static func object(
        _ version: String, _ kind: String, _ name: String, _ spec: [(String, DocumentValue)]
    ) -> DocumentValue {
        map([
            ("apiVersion", text(version)), ("kind", text(kind)), ("metadata", map([("name", text(name))])),
            ("spec", map(spec)),
        ])
    }

    private static func text(_ text: String) -> DocumentValue { DocumentValue(.string(text)) }
    private static func number(_ number: Int) -> DocumentValue { DocumentValue(.integer(number)) }
    private static func list(_ values: [DocumentValue]) -> DocumentValue { DocumentValue(.sequence(values)) }
    private static func map(_ fields: [(String, DocumentValue)]) -> DocumentValue {
        DocumentValue(.mapping(fields.map { DocumentValue.Field(name: $0.0, line: 0, value: $0.1) }))
    }
}
