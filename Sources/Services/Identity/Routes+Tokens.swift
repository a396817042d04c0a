import Foundation
import HTTPTypes
import ServiceKit

/// The endpoints of OAuth 2.0, in its forms.
extension Routes {
    var tokenEndpoints: [Endpoint] { [token, introspect, revoke] }

    static let apiKeyGrant = "urn:gatehouse:api-key"

    // MARK: - RFC 6749 §3.2

    private var token: Endpoint {
        Endpoint(
            .post, "/identity/token", "token",
            "Get an access token as a machine, as a device, or for a refresh token (RFC 6749); errors as there in §5.2",
            form: [
                FormParameter(
                    "grant_type", "client_credentials, refresh_token or \(Self.apiKeyGrant).", isRequired: true),
                FormParameter("client_id", "The client, unless it is in Authorization: Basic."),
                FormParameter("client_secret", "Its secret, unless it is in Authorization: Basic."),
                FormParameter("refresh_token", "For the grant refresh_token."),
                FormParameter("api_key", "For the grant \(Self.apiKeyGrant)."),
                FormParameter("scope", "What is asked for; everything that may be had, when absent."),
            ], access: .anyone, answers: [.issued(TokenMint.Minted.self), Self.throttled]
        ) { call, form in
            do throws(OAuthError) {
                return try await answer(form, to: call)
            } catch {
                return try error.reply()
            }
        }
    }

    private func answer(_ form: FormParameters?, to call: Call) async throws(OAuthError) -> Reply {
        guard let form, let grant = form["grant_type"] else { throw .invalidRequest }
        var scopes: [String]?
        if let text = form["scope"] {
            guard let words = Grants.words(text) else { throw .invalidScope }
            scopes = words
        }
        let requested = scopes
        switch grant {
        case "client_credentials":
            guard let (id, secret) = try credentials(form, call) else { throw .invalidClient }
            return try await issued(otherwise: .invalidClient) {
                try await machines.token(clientID: id, secret: secret, scopes: requested)
            }
        case Self.apiKeyGrant:
            guard let key = form["api_key"] else { throw .invalidRequest }
            return try await issued(otherwise: .invalidGrant) {
                try await machines.token(apiKey: key, scopes: requested)
            }
        case "refresh_token":
            guard let token = form["refresh_token"], requested == nil else { throw .invalidRequest }
            return try await issued(otherwise: .invalidGrant) { try await sessions.refresh(token) }
        default: throw .unsupportedGrantType
        }
    }

    private func issued<Body: Representable>(
        otherwise refused: OAuthError, _ work: () async throws -> Body?
    ) async throws(OAuthError) -> Reply {
        do {
            if let body = try await work() { return .issued(body) }
        } catch Refusal.scopeNotGranted {
            throw .invalidScope
        } catch Refusal.refreshTokenInvalid {
            throw .invalidGrant
        } catch {
            throw .failed(error)
        }
        throw refused
    }

    /// RFC 6749 §2.3.1: in one of two places, not in both.
    private func credentials(
        _ form: FormParameters, _ call: Call
    ) throws(OAuthError) -> (id: String, secret: String)? {
        guard let field = call.header(.authorization) else {
            guard let id = form["client_id"], let secret = form["client_secret"] else { return nil }
            // The database holds no text with it.
            return id.utf8.contains(0) ? nil : (id, secret)
        }
        guard form["client_secret"] == nil else { throw .invalidRequest }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let data = Data(base64Encoded: parts[1].trimmingCharacters(in: .whitespaces)),
            let text = String(validating: data, as: UTF8.self),
            let colon = text.firstIndex(of: ":"), !text.utf8.contains(0)
        else { throw .invalidClient }
        // Our ids and secrets hold nothing that form encoding would escape.
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    // MARK: - RFC 7662

    private var introspect: Endpoint {
        Endpoint(
            .post, "/identity/introspect", "introspect",
            "Ask whether an access token is good (RFC 7662); the caller has a bearer token, HTTP Basic is not supported",
            form: [
                FormParameter("token", "The access token.", isRequired: true),
                FormParameter("token_type_hint", "Not needed."),
            ], access: .scope("identity:introspect"), answers: [.json("What is known about the token.")]
        ) { call, form in
            _ = try await resources.requester(of: call)
            guard let token = form?["token"] else { throw Problem(.malformed, "The parameter token is needed, once.") }
            guard let caller = try await tokens.introspect(token) else { return Self.unstored(["active": false]) }
            return Self.unstored(Self.description(of: caller, resources.mint.requirements))
        }
    }

    private static func description(of caller: Caller, _ requirements: TokenRequirements) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("active", true), .init("iss", .string(requirements.issuer)),
            .init("aud", .string(requirements.audience)), .init("sub", .string(caller.subject)),
            .init("scope", .string(caller.scopes.sorted().joined(separator: " "))),
            .init("roles", .array(caller.roles.sorted().map(JSONValue.string))), .init("token_type", "Bearer"),
        ]
        if let id = caller.tokenID { members.append(.init("jti", .string(id))) }
        for (name, seconds) in [("iat", caller.issuedAt), ("exp", caller.expiresAt)] {
            if let seconds { members.append(.init(name, .number(String(Int64(seconds))))) }
        }
        return .object(members)
    }

    // MARK: - RFC 7009

    private var revoke: Endpoint {
        Endpoint(
            .post, "/identity/revoke", "revoke",
            "Revoke an access token, or a refresh token with its session (RFC 7009): one's own, as administrator any",
            form: [
                FormParameter("token", "The token.", isRequired: true),
                FormParameter("token_type_hint", "Not needed."),
            ], access: .bearer, answers: [.json("It is revoked, or was never good.")]
        ) { call, form in
            let requester = try await resources.requester(of: call)
            guard let token = form?["token"] else { throw Problem(.malformed, "The parameter token is needed, once.") }
            try await tokens.revoke(token, by: requester)
            return Reply(.ok)
        }
    }

    static func unstored(_ json: JSONValue) -> Reply {
        Reply(.ok, content: Array(json.text.utf8), headers: [.cacheControl: "no-store"])
    }
}

/// Why the token endpoint says no, in the words of RFC 6749 §5.2.
enum OAuthError: Error {
    case invalidRequest
    case invalidClient
    case invalidGrant
    case invalidScope
    case unsupportedGrantType
    /// Not the client's fault: answered as everywhere.
    case failed(any Error)

    /// - Throws: The cause of ``failed(_:)``.
    func reply() throws -> Reply {
        switch self {
        case .invalidRequest: refusal("invalid_request", "A parameter is missing, repeated, or does not fit.")
        case .invalidClient:
            refusal(
                "invalid_client", "There is no client with this secret.", status: .unauthorized,
                headers: [.wwwAuthenticate: "Basic realm=\"identity\""])
        case .invalidGrant: refusal("invalid_grant", "What was presented is unknown, used, expired or revoked.")
        case .invalidScope: refusal("invalid_scope", "More is asked for than may be had, or it is not a scope.")
        case .unsupportedGrantType: refusal("unsupported_grant_type", "There is no such grant here.")
        case .failed(let cause): throw cause
        }
    }

    private func refusal(
        _ code: String, _ description: String, status: HTTPResponse.Status = .badRequest, headers: HTTPFields = [:]
    ) -> Reply {
        var headers = headers
        headers[.cacheControl] = "no-store"
        let json: JSONValue = ["error": .string(code), "error_description": .string(description)]
        return Reply(status, content: Array(json.text.utf8), headers: headers)
    }
}
