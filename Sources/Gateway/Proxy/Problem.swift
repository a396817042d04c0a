/// What the gateway itself answers when it cannot forward: a status and a problem document (RFC 9457).
struct GatewayProblem {
    let status: UInt16
    let outcome: Outcome
    let title: StaticString
    let detail: StaticString
    /// `WWW-Authenticate` (RFC 6750 §3), for 401 and 403.
    var challenge: String?
    var retryAfterSeconds: Int?

    private init(
        _ status: UInt16, _ outcome: Outcome, _ title: StaticString, _ detail: StaticString, challenge: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.outcome = outcome
        self.title = title
        self.detail = detail
        self.challenge = challenge
        self.retryAfterSeconds = retryAfterSeconds
    }

    // MARK: - The client's doing

    static func malformedRequest(status: UInt16 = 400) -> GatewayProblem {
        switch status {
        case 414: .init(414, .headTooLarge, "URI Too Long", "The request line is longer than this gateway accepts.")
        case 431: .headTooLarge
        case 417: .init(417, .malformedRequest, "Expectation Failed", "Only 100-continue can be expected.")
        case 501:
            .init(501, .malformedRequest, "Not Implemented", "The gateway does not support this method or coding.")
        case 505: .init(505, .malformedRequest, "HTTP Version Not Supported", "Use HTTP/1.1 or HTTP/2.")
        default: .init(400, .malformedRequest, "Bad Request", "The request is not well-formed HTTP.")
        }
    }

    static let headTooLarge = GatewayProblem(
        431, .headTooLarge, "Request Header Fields Too Large", "The header section is larger than this gateway accepts."
    )
    static let ambiguousTarget = GatewayProblem(
        400, .ambiguousTarget, "Bad Request",
        "The path can be read in more than one way: send it without dot segments, empty segments and encoded separators."
    )
    static let noRoute = GatewayProblem(404, .noRoute, "Not Found", "No route serves this path.")
    static let misdirected = GatewayProblem(
        421, .misdirected, "Misdirected Request", "This listener does not serve the requested host.")
    static let tokenMissing = GatewayProblem(
        401, .tokenMissing, "Unauthorized", "Send a bearer token in the Authorization header.", challenge: "Bearer")
    static let apiKeyMissing = GatewayProblem(
        401, .tokenMissing, "Unauthorized", "Send an API key.", challenge: "ApiKey")
    static let apiKeyRefused = GatewayProblem(
        401, .apiKeyRefused, "Unauthorized", "The API key is not valid here.", challenge: "ApiKey")
    static let tokenInvalid = GatewayProblem(
        401, .tokenRefused, "Unauthorized", "The token is not valid here.", challenge: "Bearer error=\"invalid_token\"")
    static let tokenExpired = GatewayProblem(
        401, .tokenRefused, "Unauthorized", "The token has expired.",
        challenge: "Bearer error=\"invalid_token\", error_description=\"The token has expired\"")
    static let tokenRevoked = GatewayProblem(
        401, .tokenRevoked, "Unauthorized", "The token was revoked. Sign in again.",
        challenge: "Bearer error=\"invalid_token\", error_description=\"The token was revoked\"")
    static let bodyTooLarge = GatewayProblem(
        413, .bodyTooLarge, "Content Too Large", "The request body is larger than this gateway accepts.")
    static let requestHeadTimeout = GatewayProblem(
        408, .requestHeadTimeout, "Request Timeout", "The head of the request did not arrive in time.")
    static let requestBodyTimeout = GatewayProblem(
        408, .requestBodyTimeout, "Request Timeout", "The body of the request came too slowly.")

    /// RFC 6750 §3.1: the scopes that would have been enough.
    static func scopeMissing(_ required: [String]) -> GatewayProblem {
        .init(
            403, .scopeMissing, "Forbidden", "The token does not carry the scope that this request needs.",
            challenge: "Bearer error=\"insufficient_scope\", scope=\"\(required.joined(separator: " "))\"")
    }

    static let claimMissing = GatewayProblem(
        403, .claimMissing, "Forbidden", "The token does not carry the claims that this request needs.")
    static let accessDenied = GatewayProblem(
        403, .accessDenied, "Forbidden", "Requests like this one are not accepted here.")

    static func rateLimited(retryAfterSeconds: Int) -> GatewayProblem {
        .init(
            429, .rateLimited, "Too Many Requests", "More requests came than are allowed. Wait, then try again.",
            retryAfterSeconds: retryAfterSeconds)
    }

    // MARK: - Ours, or an endpoint's

    static let overloaded = GatewayProblem(
        503, .overloaded, "Service Unavailable", "The gateway has no memory left for this request.",
        retryAfterSeconds: 1)
    static let keysNotLoaded = GatewayProblem(
        503, .tokenKeysNotLoaded, "Service Unavailable", "The keys that tokens are verified with are not loaded yet.",
        retryAfterSeconds: 1)
    static let verificationOverloaded = GatewayProblem(
        503, .verificationOverloaded, "Service Unavailable", "Too many tokens wait for verification.",
        retryAfterSeconds: 1)
    static let tunnelRefused = GatewayProblem(
        501, .tunnelRefused, "Not Implemented", "The service does not take tunnels (extended CONNECT).")
    static let routeUnresolved = GatewayProblem(
        500, .routeUnresolved, "Internal Server Error", "The route of this request is not configured correctly.")
    static let noEndpoint = GatewayProblem(
        503, .noEndpoint, "Service Unavailable", "The service has no endpoint.", retryAfterSeconds: 5)
    static let connectFailed = GatewayProblem(
        503, .connectFailed, "Service Unavailable", "The service cannot be reached.", retryAfterSeconds: 1)
    static let connectTimeout = GatewayProblem(
        503, .connectTimeout, "Upstream Connect Timeout", "The service could not be reached in time.",
        retryAfterSeconds: 1)
    static let poolExhausted = GatewayProblem(
        503, .poolExhausted, "Service Unavailable", "Too many requests wait for the service.", retryAfterSeconds: 1)
    static let upstreamClosed = GatewayProblem(
        503, .upstreamClosed, "Service Unavailable", "The service closed the connection before it answered.",
        retryAfterSeconds: 1)
    static let upstreamMalformed = GatewayProblem(
        502, .upstreamMalformed, "Bad Gateway", "The service's answer is not well-formed HTTP.")
    static let responseTimeout = GatewayProblem(
        504, .responseTimeout, "Upstream Response Timeout", "The service did not answer in time.")
    static let attemptTimeout = GatewayProblem(
        504, .attemptTimeout, "Upstream Attempt Timeout",
        "The service did not complete its answer in the time that the route gives it.")
    static let localExhaustion = GatewayProblem(
        503, .localExhaustion, "Service Unavailable",
        "The gateway has no descriptor or port left to reach the service.", retryAfterSeconds: 1)
    static let pendingTimeout = GatewayProblem(
        503, .pendingTimeout, "Pending Request Timeout", "The request waited too long for the service.",
        retryAfterSeconds: 1)
    static let upstreamTLSFailed = GatewayProblem(
        503, .upstreamTLSFailed, "Upstream TLS Failed", "No secure connection to the service could be made.",
        retryAfterSeconds: 5)
    static let streamIdleTimeout = GatewayProblem(
        504, .streamIdleTimeout, "Upstream Stream Idle Timeout", "The service stopped answering.")
    static let deadlineExceeded = GatewayProblem(
        504, .deadlineExceeded, "Request Deadline Exceeded", "The request took longer than its route allows.")
    static let noHealthyEndpoint = GatewayProblem(
        503, .noHealthyEndpoint, "Service Unavailable", "The service has no healthy endpoint.", retryAfterSeconds: 5)
    static let internalError = GatewayProblem(
        500, .internalError, "Internal Server Error", "The gateway failed to forward the request.")

    /// The document. `instance` is the request's path, `request_id` finds it in the logs.
    func body(requestID: [UInt8], path: Span<UInt8>, into body: inout [UInt8]) {
        body.append(literal: "{\"type\":\"https://gatehouse.dev/problems/")
        body.append(contentsOf: outcome.problemName.utf8)
        body.append(literal: "\",\"title\":\"")
        body.append(literal: title)
        body.append(literal: "\",\"code\":\"")
        body.append(contentsOf: outcome.rawValue.utf8)
        body.append(literal: "\",\"status\":")
        body.append(decimal: UInt64(status))
        body.append(literal: ",\"detail\":\"")
        body.append(literal: detail)
        body.append(literal: "\"")
        if !path.isEmpty {
            body.append(literal: ",\"instance\":")
            body.append(jsonString: path)
        }
        body.append(literal: ",\"request_id\":")
        body.append(jsonString: requestID.span)
        body.append(literal: "}")
    }
}

extension GatewayProblem {
    /// For who does not read JSON.
    func text(requestID: [UInt8], into body: inout [UInt8]) {
        body.append(decimal: UInt64(status))
        body.append(literal: " ")
        body.append(literal: title)
        body.append(literal: "\n")
        body.append(literal: detail)
        body.append(literal: "\n\ncode: ")
        body.append(contentsOf: outcome.rawValue.utf8)
        body.append(literal: "\nrequest id: ")
        body.append(contentsOf: requestID)
        body.append(literal: "\n")
    }

    /// `Proxy-Status` (RFC 9209 §2): that it is this gateway's answer, the kind of error, and the outcome's name.
    var proxyStatus: [UInt8] {
        var value: [UInt8] = []
        value.append(literal: "gatehouse; error=")
        value.append(literal: outcome.proxyError)
        value.append(literal: "; details=\"")
        value.append(contentsOf: outcome.rawValue.utf8)
        value.append(literal: "\"")
        return value
    }
}

extension Outcome {
    /// The error type of RFC 9209 §2.3.
    var proxyError: StaticString {
        switch self {
        case .malformedRequest, .headTooLarge, .ambiguousTarget, .misdirected, .bodyTooLarge, .requestHeadTimeout,
            .requestBodyTimeout, .clientClosed, .clientStalled:
            "http_request_error"
        case .tokenMissing, .tokenRefused, .tokenRevoked, .apiKeyRefused, .scopeMissing, .claimMissing, .accessDenied,
            .rateLimited:
            "http_request_denied"
        case .noRoute: "destination_not_found"
        case .tokenKeysNotLoaded, .noEndpoint, .noHealthyEndpoint: "destination_unavailable"
        case .verificationOverloaded, .overloaded, .poolExhausted, .pendingTimeout: "connection_limit_reached"
        case .connectFailed: "connection_refused"
        case .connectTimeout: "connection_timeout"
        case .upstreamClosed: "connection_terminated"
        case .upstreamMalformed: "http_protocol_error"
        case .responseTruncated: "http_response_incomplete"
        case .responseTimeout, .deadlineExceeded, .attemptTimeout: "http_response_timeout"
        case .streamIdleTimeout: "connection_read_timeout"
        case .upstreamTLSFailed: "tls_protocol_error"
        case .tunnelRefused: "http_upgrade_failed"
        case .routeUnresolved: "proxy_configuration_error"
        case .forwarded, .redirected, .preflight, .internalError, .localExhaustion, .drainDeadline:
            "proxy_internal_error"
        }
    }

    /// "bodyTooLarge" as "body-too-large": the last part of a problem's `type`.
    var problemName: String {
        var name = ""
        for character in rawValue {
            if character.isUppercase { name.append("-") }
            name.append(character.lowercased())
        }
        return name
    }
}
