public import Policy
public import Routing
import Wire

/// A request without a connection, read and matched as one from a client would be: what `gatehouse explain` asks about.
public struct RequestProbe: Sendable {
    public enum Answer: Sendable {
        /// The head is not one that is read: why.
        case malformed(String)
        /// No rule is asked for such a method: 501.
        case methodNotServed
        /// The target has no canonical form: why.
        case ambiguousTarget(String)
        case decided(RouteTable.Decision, Explanation)
    }

    /// What a request shows of its caller, of what the rule that serves it looks at.
    public enum Evidence: Sendable, Equatable {
        case nothing
        /// An API key; nil: it is nobody's, or there are two.
        case apiKey(VerifiedToken?)
        case token([UInt8])
        /// There is to be a token, but there are several, or it is none.
        case unreadableToken
    }

    public let answer: Answer
    public private(set) var evidence = Evidence.nothing
    /// Whether the rule's CORS filter answers it.
    public private(set) var isPreflight = false
    /// Whether the head, or the body by the length that is stated, is larger than the rule's policies allow.
    public private(set) var isHeadTooLarge = false
    public private(set) var isBodyTooLarge = false
    /// By their names: what the fields say that the rule's rate limits ask for.
    public private(set) var limitFields: [String: String] = [:]
    /// The host as it is matched; empty when the request was not read so far.
    public private(set) var host = ""
    /// The target as it is matched and forwarded; empty when the request was not read so far.
    public private(set) var target = ""

    /// - Parameters:
    ///   - text: the head as HTTP/1.1 sends it, the empty line included.
    ///   - table: what it is asked about.
    ///   - listener: the place in the table's `listeners` of the one that it arrives at.
    public init(_ text: [UInt8], in table: RouteTable, listener: Int) {
        var parser = HTTP1RequestParser()
        var request = RequestHead()
        do throws(HTTP1Error) {
            guard try parser.parse(text.span, into: &request, limits: HTTP1Limits()) == text.count else {
                answer = .malformed("the head has no end, or something follows it")
                return
            }
        } catch {
            answer = .malformed(error.rawValue)
            return
        }
        guard request.withMethod(Exchange.isServed) else {
            answer = .methodNotServed
            return
        }
        var scratch: [UInt8] = []
        do throws(TargetError) {
            try request.canonicaliseTarget(scratch: &scratch)
        } catch {
            answer = .ambiguousTarget(error.description)
            return
        }
        var name: [UInt8] = []
        guard request.readHost(into: &name) else {
            answer = .malformed("the request names no host")
            return
        }
        let decision = table.match(request, listener: listener, host: name.span)
        if case .rule(let rule) = decision, request.readPlainPath(into: &scratch),
            table.leads(scratch.span, of: request, elsewhereThan: rule, listener: listener, host: name.span)
        {
            answer = .ambiguousTarget("another rule serves the path without the parameters of its segments")
            return
        }
        let explanation = request.withPathAndQuery { path, query in
            request.withMethod { method in
                table.explain(listener: listener, host: name.span, path: path, query: query, method: method) {
                    request.headers.holds($0)
                }
            }
        }
        host = String(decoding: name, as: UTF8.self)
        target = request.targetString
        answer = .decided(decision, explanation)
        if case .rule(let rule) = decision { look(at: rule, in: table, &request, &scratch) }
    }

    /// As the phases after the first look at a request.
    private mutating func look(
        at rule: RouteRule, in table: RouteTable, _ request: inout RequestHead, _ scratch: inout [UInt8]
    ) {
        isPreflight = rule.filters?.crossOrigin != nil && request.isPreflight
        if let asked = rule.authentication { evidence = Self.evidence(for: asked, in: table, &request, &scratch) }
        guard let policies = rule.policies else { return }
        if let most = policies.requestHeaderBytes { isHeadTooLarge = request.headers.byteCount > most }
        if let most = policies.requestBodyBytes, case .length(let length) = request.framing {
            isBodyTooLarge = length > most
        }
        for part in policies.rateLimits.flatMap({ table.rateLimits[$0].key }) {
            guard case .header(let name) = part else { continue }
            let bytes = Array(name.utf8)
            for index in request.headers.indices where !request.headers.isRemoved(at: index) {
                guard request.headers.withName(at: index, { $0.equals(bytes) }) else { continue }
                limitFields[name] = request.headers.withValue(at: index) { value in
                    var text: [UInt8] = []
                    text.append(bytes: value)
                    return String(decoding: text, as: UTF8.self)
                }
                break
            }
        }
    }

    private static func evidence(
        for asked: AuthenticationRule, in table: RouteTable, _ request: inout RequestHead, _ scratch: inout [UInt8]
    ) -> Evidence {
        if let keys = asked.apiKeys,
            let caller = request.takeCaller(knownBy: APIKeyTable(table.apiKeySets[keys]), scratch: &scratch)
        {
            return .apiKey(caller)
        }
        guard asked.provider != nil, request.headers.meansBearerToken else { return .nothing }
        let token = request.headers.withBearerToken { token in
            var bytes: [UInt8] = []
            bytes.append(bytes: token)
            return bytes
        }
        return token.map { .token($0) } ?? .unreadableToken
    }
}
