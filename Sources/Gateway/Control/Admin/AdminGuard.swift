import HTTPTypes
import Hummingbird

/// Keeps other people's web pages away from the admin interface.
///
/// A browser on the same machine can be made to ask it: by a name that the page's owner lets point to a loopback address
/// (DNS rebinding), which shows in `Host`, and by forms and scripts of other origins, which show in `Origin` and
/// `Sec-Fetch-Site`. Programs send neither of the latter.
struct AdminGuard<Context: RequestContext>: RouterMiddleware {
    /// Names besides addresses and "localhost" under which it is asked.
    let names: Set<String>

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let refusal = AdminGuardRules(names: names).refusal(
            isReading: request.method == .get || request.method == .head, authority: request.head.authority,
            origin: request.headers[.origin], fetchSite: request.headers[.secFetchSite])
        if let refusal { return AdminServer.answer("\(refusal)\n", type: AdminServer.plain, status: .forbidden) }
        return try await next(request, context)
    }
}

/// The decision alone.
struct AdminGuardRules {
    let names: Set<String>

    /// Why the request is refused; nil: it is not.
    func refusal(isReading: Bool, authority: String?, origin: String?, fetchSite: String?) -> String? {
        guard let authority, let host = Self.host(of: authority), isOwn(host) else {
            return "this host is not the admin interface's: ask by address, as localhost, or say --admin-name"
        }
        if isReading { return nil }
        if let origin, origin.lowercased() != "http://\(authority.lowercased())" {
            return "changes are not taken from other origins"
        }
        if let fetchSite, !["same-origin", "none"].contains(fetchSite) {
            return "changes are not taken from other sites"
        }
        return nil
    }

    /// Addresses cannot be rebound; names are somebody's.
    private func isOwn(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("[") || Self.isIPv4(host)
            || names.contains(host)
    }

    private static func host(of authority: String) -> String? {
        let host: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[...end]
        } else {
            host = authority.prefix { $0 != ":" }
        }
        return host.isEmpty ? nil : host.lowercased()
    }

    private static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension HTTPField.Name {
    /// Literals that are tokens.
    fileprivate static var secFetchSite: Self { Self("sec-fetch-site") ?? .origin }
}
