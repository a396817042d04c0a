import Testing

/// Who asks: two independent programs, each over both versions of HTTP.
enum Client: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// AsyncHTTPClient.
    case http2, http1
    case curlHTTP2, curlHTTP1

    /// The two that need no process of their own.
    static let library: [Client] = [.http2, .http1]

    var majorVersion: Int {
        switch self {
        case .http2, .curlHTTP2: 2
        case .http1, .curlHTTP1: 1
        }
    }

    var testDescription: String {
        switch self {
        case .http2: "AsyncHTTPClient over HTTP/2"
        case .http1: "AsyncHTTPClient over HTTP/1.1"
        case .curlHTTP2: "curl over HTTP/2"
        case .curlHTTP1: "curl over HTTP/1.1"
        }
    }
}

/// With which token a request comes.
enum Credential: Sendable {
    /// Every scope.
    case full
    case none
    case scopes(String)
    /// Whatever follows `Bearer`.
    case token(String)
}

extension RunningSystem {
    /// How long a client waits; no answer of the system takes as long.
    static let patience = Duration.seconds(20)

    /// Asks the gateway.
    ///
    /// - Throws: When there is no whole answer.
    func send(
        _ method: String, _ path: String, over client: Client = .http2, as credential: Credential = .full,
        headers: [(name: String, value: String)] = [], json: String? = nil, bytes: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = headers
        let body = bytes ?? json.map { Array($0.utf8) }
        if let token = try await token(credential) { fields.append(("authorization", "Bearer \(token)")) }
        if body != nil, !fields.contains(where: { $0.name == "content-type" }) {
            fields.append(("content-type", "application/json"))
        }
        return try await send(
            Request(method, "https://localhost:\(ports.https)\(path)", headers: fields, body: body), client)
    }

    /// Sends a request as it is.
    func send(_ request: Request, _ client: Client) async throws -> Answer {
        switch client {
        case .http2, .http1: try await clients.send(request, over: client)
        case .curlHTTP2, .curlHTTP1:
            try await Curl(authority: certificates.authority, folder: logs).send(request, over: client)
        }
    }

    /// - Returns: nil for ``Credential/none``.
    func token(_ credential: Credential) async throws -> String? {
        switch credential {
        case .full: tokens.full
        case .none: nil
        case .scopes(let scopes): try await tokens.token(scopes: scopes, logs: logs)
        case .token(let token): token
        }
    }
}
