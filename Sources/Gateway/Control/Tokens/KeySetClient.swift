import Routing

/// Fetches key sets over HTTP; see `DocumentClient`.
struct KeySetClient: Sendable {
    /// The largest answer that is read.
    static let sizeLimitBytes = 256 << 10

    private let client: DocumentClient

    /// - Parameter authorities: PEM text of a key of a ConfigMap; nil when there is none.
    init(
        services: ServiceAddresses = ServiceAddresses(),
        authorities: @escaping @Sendable (TokenProvider.ConfigMapKey) -> String?
    ) {
        client = DocumentClient(services: services, authorities: authorities)
    }

    func fetch(_ settings: TokenProvider.RemoteKeySet) async throws -> RemoteKeySet.Answer {
        do {
            // A session for each fetch: it happens every few minutes, and keeps nothing open in between.
            let session = try client.open(
                DocumentClient.Location(
                    uri: settings.uri, authorities: settings.authorities,
                    timeoutMilliseconds: settings.timeoutMilliseconds))
            do {
                let answer = try await session.get(
                    accept: "application/jwk-set+json, application/json", sizeLimitBytes: Self.sizeLimitBytes)
                await session.close()
                return RemoteKeySet.Answer(body: answer.body, maxAge: Self.maxAge(answer.cacheControl))
            } catch {
                await session.close()
                throw error
            }
        } catch let error as FetchError {
            throw KeySetError(error.description)
        }
    }

    /// `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1); 0 for `no-store` and `no-cache`.
    static func maxAge(_ directives: [Substring]) -> Int64? {
        for directive in directives.map({ $0.lowercased() }) {
            if directive == "no-store" || directive == "no-cache" { return 0 }
            if directive.hasPrefix("max-age=") { return Int64(directive.dropFirst(8)) }
        }
        return nil
    }
}
