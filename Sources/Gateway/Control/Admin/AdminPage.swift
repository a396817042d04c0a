import Foundation
import Proxy
import Routing

/// The page at `/`: what is wrong, what goes on and what is configured, in this order.
///
/// It is whole without its script, which only brings rates: they need two looks. Nothing is loaded from elsewhere.
struct AdminPage {
    /// At most so many rules are shown; `/routes` has all.
    static let ruleLimit = 500

    let figures: GatewayFigures
    let status: ControlStatus.Values
    /// By the listener's name.
    let boundPorts: [String: UInt16]

    /// 128 random bits, as a policy and its elements name them.
    static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
    }

    static func policy(nonce: String) -> String {
        "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }

    func html(nonce: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title) – gatehouse</title>
        <link rel="icon" href="data:,">
        <style nonce="\(nonce)">\(Self.style)</style>
        </head>
        <body>
        <header><h1>gatehouse</h1><p class="state \(stateClass)" id="state">\(Self.escaped(state))</p>
        <p class="quiet">\(GatewayProcess.version) · configured \(configuredAt) · <span id="age">not live: no script</span></p>
        </header>
        \(problems)
        <section class="tiles">\(tiles)</section>
        <ul class="outcomes" id="outcomes">\(outcomes)</ul>
        <h2>Routes</h2>
        \(rules)
        <h2>Endpoints</h2>
        \(endpoints)
        <h2>Listeners</h2>
        \(listeners)
        <footer><a href="/readyz">readyz</a> <a href="/routes">routes</a> <a href="/status">status</a> <a href="/endpoints">endpoints</a>
        <a href="/connections">connections</a> <a href="/config">config</a> <a href="/metrics">metrics</a>
        <span>explain: <code>gatehouse explain 'GET https://…'</code></span></footer>
        <script nonce="\(nonce)">\(Self.script)</script>
        </body>
        </html>

        """
    }

    // MARK: - What is wrong

    private var state: String {
        if status.phase != .serving { return status.phase.rawValue }
        if !status.refusal.isEmpty { return "serving the old configuration: the new one was refused" }
        return status.problems.isEmpty ? "serving" : "serving, but for what is wrong in the configuration"
    }

    private var stateClass: String {
        status.phase == .serving && status.refusal.isEmpty && status.problems.isEmpty ? "good" : "bad"
    }

    private var title: String { stateClass == "good" ? "serving" : status.phase == .serving ? "errors" : state }

    private var configuredAt: String {
        let time = Date(timeIntervalSince1970: Double(status.configuredAtSeconds))
        return "<time id=\"configured\" data-at=\"\(status.configuredAtSeconds)\">\(time.formatted(.iso8601))</time>"
    }

    private var problems: String {
        var items = status.refusal.map(\.description)
        items += status.problems.map(\.description)
        items += status.revocationProblems
        items += status.waitingFor.map { "waiting for \($0)" }
        items += status.unresolvedNames.map { "no address: \($0)" }
        let now = Date().timeIntervalSince1970
        for certificate in status.certificates where Double(certificate.seconds) < now + 14 * 86_400 {
            let time = Date(timeIntervalSince1970: Double(certificate.seconds)).formatted(.iso8601)
            items.append("the certificate of Secret \(certificate.secret) ends at \(time)")
        }
        if items.isEmpty { return "" }
        return "<ul class=\"problems\">" + items.map { "<li>\(Self.escaped($0))</li>" }.joined() + "</ul>"
    }

    private var tiles: String {
        let tiles = [
            ("rate", "requests/s", "–"), ("errors", "5xx of them", "–"), ("p50", "median", "–"), ("p99", "99 %", "–"),
            ("open", "in flight", "\(figures.gateway.requestsOpen)"),
            ("connections", "connections", "\(figures.gateway.connectionsOpen)"),
            ("memory", "memory", "\(figures.memory.residentBytes >> 20) MB"),
        ]
        return tiles.map { "<div><b id=\"\($0.0)\">\($0.2)</b><span>\($0.1)</span></div>" }.joined()
    }

    /// How requests ended, but for those that ended well.
    private var outcomes: String {
        LiveReport.unusual(figures.gateway).sorted { $0.key < $1.key }
            .map { "<li>\($0.key) <b>\($0.value)</b></li>" }.joined()
    }

    // MARK: - Tables

    /// One line for each rule, with all the ways into it.
    private var rules: String {
        guard let table = status.table else { return "<p>No configuration yet.</p>" }
        if table.rules.isEmpty { return "<p>No routes.</p>" }
        var ways: [Int: [RouteEntry]] = [:]
        for entry in table.entries { ways[entry.rule, default: []].append(entry) }
        let shown = table.rules.prefix(Self.ruleLimit)
        let rows = shown.map { rule in row(rule, ways[rule.index] ?? [], table) }
        let rest = table.rules.count - shown.count
        let more = rest > 0 ? "<p class=\"quiet\">… and \(rest) more rules: <a href=\"/routes\">all</a></p>" : ""
        let head = ["Route", "Matches", "To", "Who may", "Req/s", "4xx", "5xx", "Median", "99 %", "Total"]
        return Self.table(head, numbersFrom: 4, rows) + more
    }

    private func row(_ rule: RouteRule, _ entries: [RouteEntry], _ table: RouteTable) -> String {
        let key = "\(rule.routeName) \(rule.ruleName)"
        let counted = figures.gateway.traffic[.rule(route: rule.routeName, rule: rule.ruleName)]
        var matches: [String] = []
        var target = ""
        var access = ""
        for entry in entries {
            let route = RouteTableSummary.Route(entry, table: table)
            if !matches.contains(route.matchText) { matches.append(route.matchText) }
            target = route.redirect ?? (route.backends ?? []).joined(separator: ", ")
            access = Self.access(route)
        }
        let total = counted.map { $0.statuses.reduce(0, +) } ?? 0
        return Self.row(
            key: key, kind: "rule",
            [
                ("Route", "<b>\(Self.escaped(rule.routeName))</b> \(Self.escaped(rule.ruleName))"),
                ("Matches", matches.map { "<code>\(Self.escaped($0))</code>" }.joined()),
                ("To", Self.escaped(target.isEmpty ? "nothing" : target)), ("Who may", Self.escaped(access)),
            ],
            numbers: [
                ("Req/s", "rate", "–"), ("4xx", "c4", "–"), ("5xx", "c5", "–"), ("Median", "p50", "–"),
                ("99 %", "p99", "–"), ("Total", "total", "\(total)"),
            ])
    }

    private static func access(_ route: RouteTableSummary.Route) -> String {
        switch route.authentication {
        case "none": route.redirect == nil ? "anybody, no policy" : "anybody"
        case "anonymous": "anybody"
        default: (["token of \(route.authentication)"] + (route.requiredScopes ?? [])).joined(separator: " ")
        }
    }

    /// Those that are not well come first.
    private var endpoints: String {
        let known = EndpointReport.all(figures.endpoints)
        let all = known.filter { $0.state != "healthy" } + known.filter { $0.state == "healthy" }
        if all.isEmpty { return "<p>No endpoint is known.</p>" }
        let rows = all.map { endpoint in
            Self.row(
                key: "\(endpoint.backend) \(endpoint.endpoint)", kind: "endpoint",
                [
                    ("Backend", "<b>\(Self.escaped(endpoint.backend))</b>"),
                    ("Endpoint", Self.escaped(endpoint.endpoint)),
                    ("State", "<span class=\"\(endpoint.state)\" data-f=\"state\">\(endpoint.state)</span>"),
                ],
                numbers: [
                    ("Req/s", "rate", "–"), ("Active", "active", "\(endpoint.requestsActive)"),
                    ("Waiting", "pending", "\(endpoint.requestsPending)"),
                    ("Failures", "failures", "\(endpoint.failures.values.reduce(0, +))"),
                    ("Connections", "connections", "\(endpoint.connectionsOpen)"),
                    ("Total", "total", "\(endpoint.requests)"),
                ])
        }
        let head = ["Backend", "Endpoint", "State", "Req/s", "Active", "Waiting", "Failures", "Connections", "Total"]
        return Self.table(head, numbersFrom: 3, rows)
    }

    private var listeners: String {
        let rows = (status.table?.listeners ?? []).map { listener in
            let port = boundPorts[listener.name] ?? listener.port
            return Self.row(
                key: listener.name, kind: "listener",
                [
                    ("Listener", "<b>\(Self.escaped(listener.name))</b>"),
                    ("Address", "\(listener.transport.rawValue) \(port)"),
                    ("Hosts", Self.escaped(listener.hostname.description)),
                    ("Certificate", Self.escaped(certificates(of: listener))),
                ],
                numbers: [
                    ("Connections", "open", "\(figures.gateway.listeners[listener.name]?.connectionsOpen ?? 0)")
                ])
        }
        return Self.table(["Listener", "Address", "Hosts", "Certificate", "Connections"], numbersFrom: 4, rows)
    }

    private func certificates(of listener: ListenerDescription) -> String {
        let texts = listener.certificates.map { name in
            guard let known = status.certificates.first(where: { $0.secret == name }) else { return name }
            let end = Date(timeIntervalSince1970: Double(known.seconds)).formatted(.iso8601.year().month().day())
            return "\(name) until \(end)"
        }
        return texts.isEmpty ? "none" : texts.joined(separator: ", ")
    }

    // MARK: - Elements

    private static func table(_ head: [String], numbersFrom first: Int, _ rows: [String]) -> String {
        let cells = head.enumerated().map { index, name in "<th\(index >= first ? " class=\"n\"" : "")>\(name)</th>" }
        return
            "<table><thead><tr>\(cells.joined())</tr></thead><tbody>\n\(rows.joined(separator: "\n"))\n</tbody></table>"
    }

    /// - Parameter cells: name and HTML.
    private static func row(
        key: String, kind: String, _ cells: [(String, String)], numbers: [(name: String, field: String, text: String)]
    ) -> String {
        let texts = cells.map { "<td data-l=\"\($0.0)\"><div>\($0.1)</div></td>" }
        let figures = numbers.map { "<td class=\"n\" data-l=\"\($0.name)\" data-f=\"\($0.field)\">\($0.text)</td>" }
        return "<tr data-\(kind)=\"\(escaped(key))\">" + (texts + figures).joined() + "</tr>"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}
