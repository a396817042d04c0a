import Routing
import Synchronization

/// Reads pages of revocation feeds over HTTP, each feed over a connection that is kept; see `DocumentClient`.
final class RevocationClient: Sendable {
    /// The largest page that is read: a thousand entries have a tenth of it.
    static let sizeLimitBytes = 2 << 20

    private let client: DocumentClient
    private let sessions = Mutex<[TokenProvider.RevocationFeed: DocumentClient.Session]>([:])

    /// - Parameter authorities: PEM text of a key of a ConfigMap; nil when there is none.
    init(
        services: ServiceAddresses = ServiceAddresses(),
        authorities: @escaping @Sendable (TokenProvider.ConfigMapKey) -> String?
    ) {
        client = DocumentClient(services: services, authorities: authorities)
    }

    /// For one task a feed.
    func page(of feed: TokenProvider.RevocationFeed, after position: Int64) async throws -> RevocationPage {
        let session = try await session(for: feed)
        do {
            let answer = try await session.get(
                query: "after=\(position)", accept: "application/json", sizeLimitBytes: Self.sizeLimitBytes)
            return try RevocationPage(json: answer.body)
        } catch {
            // The next one connects anew, and perhaps elsewhere.
            await end(feed)
            throw error
        }
    }

    /// Closes the feed's connection.
    func end(_ feed: TokenProvider.RevocationFeed) async {
        await sessions.withLock { $0.removeValue(forKey: feed) }?.close()
    }

    /// Authorities that a reload replaced do not vouch any more.
    private func session(for feed: TokenProvider.RevocationFeed) async throws -> DocumentClient.Session {
        if let known = sessions.withLock({ $0[feed] }) {
            if known.authorityText == feed.authorities.flatMap(client.authorities) { return known }
            await end(feed)
        }
        let made = try client.open(
            DocumentClient.Location(
                uri: feed.uri, authorities: feed.authorities, timeoutMilliseconds: feed.timeoutMilliseconds))
        sessions.withLock { $0[feed] = made }
        return made
    }
}
