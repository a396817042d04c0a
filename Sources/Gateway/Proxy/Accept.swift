import Routing
import Wire

/// Phase 1: the head is in. Give the request its id, read its target in the one canonical way, find its route.
extension Exchange {
    /// What a request costs besides its head: its own memory and its stream's. Measured: 8,217 bytes with an answer of one
    /// byte that waits for a closed window (7,200 streams, their clients in the same process).
    static let fixedBytes = 8192

    func begin() {
        worker.counters.requestsOpen.add()
        assignRequestID()
        readTrace()
        guard takeMemory() else { return shed() }
        findForwardedClient()
        guard request.withMethod(Self.isServed) else { return refuse(.malformedRequest(status: 501)) }
        do throws(TargetError) {
            try request.canonicaliseTarget(scratch: &worker.targetScratch)
        } catch {
            return refuse(.ambiguousTarget)
        }
        guard findRule(), let rule else { return }
        guard admitsAddress(rule) else { return refuse(.accessDenied) }
        if let filters = rule.filters, filters.hasCrossOrigin, answersPreflight(filters) { return }
        if rule.redirect != nil { return redirect() }
        identify(rule)
    }

    /// Answers a request whose head could not be read, or not be accepted.
    func beginRefused(_ problem: GatewayProblem) {
        worker.counters.requestsOpen.add()
        assignRequestID()
        guard takeMemory() else { return shed() }
        refuse(problem)
    }

    /// Methods pass whether they are known or not, as long as they look like one: capitals, digits, "-" and "_", at most 32.
    /// Any other token is what a typing error or an attack looks like, and TRACE gives away what a client did not send
    /// (RFC 9110 §9.3.8): 501. A rule may name the methods that it serves.
    static func isServed(_ method: Span<UInt8>) -> Bool {
        guard method.count <= 32 else { return false }
        for index in method.indices {
            switch method[index] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                break
            default: return false
            }
        }
        return !FieldRules.equalsIgnoringCase(method, "TRACE")
    }

    private func takeMemory() -> Bool {
        guard worker.hasRoom else { return false }
        heldBytes = Self.fixedBytes + request.headers.byteCount
        worker.heldBytes += heldBytes
        return true
    }

    /// No memory is left for the request. HTTP/2 says so for the price of a frame (REFUSED_STREAM: the request may be sent
    /// again, RFC 9113 §8.7); HTTP/1.1, one request a connection, with an answer.
    private func shed() {
        guard request.version == .http2 else { return refuse(.overloaded) }
        let client = downstream
        finish(.overloaded)
        client?.refuseStream()
    }

    /// Keeps a client's `x-request-id` of 1 to 128 letters, digits, ".", "_" or "-"; any other is replaced.
    private func assignRequestID() {
        let kept = request.headers.withValue(of: "x-request-id") { value in
            guard (1...128).contains(value.count) else { return false }
            for index in value.indices where !Self.isRequestIDByte(value[index]) { return false }
            requestID.append(bytes: value)
            return true
        }
        guard kept != true else { return }
        let words = (worker.random.next(), worker.random.next())
        requestID.append(reserving: 32) { writer in
            writer.append(hexadecimal: words.0)
            writer.append(hexadecimal: words.1)
        }
    }

    private static func isRequestIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private func findRule() -> Bool {
        guard let connection, request.readHost(into: &worker.hostScratch) else {
            refuse(.malformedRequest())
            return false
        }
        let host = worker.hostScratch
        switch configuration.snapshot.match(request, listener: connection.listener, host: host.span) {
        case .rule(let rule):
            if request.readPlainPath(into: &worker.targetScratch) {
                let plain = worker.targetScratch
                let isAmbiguous = configuration.snapshot.routes.leads(
                    plain.span, of: request, elsewhereThan: rule, listener: connection.listener, host: host.span)
                if isAmbiguous {
                    refuse(.ambiguousTarget)
                    return false
                }
            }
            self.rule = rule
            return true
        case .notFound: refuse(.noRoute)
        case .misdirected: refuse(.misdirected)
        }
        return false
    }

    /// RequestRedirect: the same query at another scheme, host, port or path.
    private func redirect() {
        guard let redirect = rule?.redirect else { return }
        let isTLS = connection?.isTLS ?? false
        var location: [UInt8] = []
        location.append(contentsOf: (redirect.scheme ?? (isTLS ? "https" : "http")).utf8)
        location.append(literal: "://")
        if let hostname = redirect.hostname {
            location.append(contentsOf: hostname.utf8)
        } else {
            location.append(contentsOf: worker.hostScratch)
        }
        if let port = redirect.port ?? (redirect.scheme == nil ? clientPort : nil) {
            location.append(UInt8(ascii: ":"))
            location.append(decimal: UInt64(port))
        }
        if let path = redirect.path {
            request.withPathAndQuery { old, _ in path.apply(to: old, into: &location) }
            if request.hasQuery {
                location.append(UInt8(ascii: "?"))
                request.withQuery { location.append(bytes: $0) }
            }
        } else {
            request.withTarget { location.append(bytes: $0) }
        }
        response.reset()
        response.status = UInt16(redirect.statusCode)
        response.headers.append("location", location)
        respondEmpty(.redirected)
    }

    private var clientPort: Int? {
        request.withAuthority { authority in (try? Authority.parse(authority))?.port.map(Int.init) }
    }
}
