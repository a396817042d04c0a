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

    public let answer: Answer
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
    }
}
