import Policy
import Routing
import ServiceLifecycle
import Synchronization

/// The revocation feeds of the configuration in use; each is asked by a task of its own, and outlives reloads that name it
/// again.
final class RevocationFeeds: Service {
    private struct State {
        var feeds: [TokenProvider.RevocationFeed: RevocationFeed] = [:]
        var listener: @Sendable () -> Void = {}
    }

    private let state = Mutex(State())
    private let fetch: RevocationFeed.Fetch
    private let ended: @Sendable (TokenProvider.RevocationFeed) async -> Void
    private let secondsSince1970: @Sendable () -> Int64
    private let started: AsyncStream<RevocationFeed>
    private let start: AsyncStream<RevocationFeed>.Continuation

    /// - Parameter ended: called when a feed is not asked any more.
    init(
        fetch: @escaping RevocationFeed.Fetch,
        ended: @escaping @Sendable (TokenProvider.RevocationFeed) async -> Void = { _ in },
        secondsSince1970: @escaping @Sendable () -> Int64
    ) {
        self.fetch = fetch
        self.ended = ended
        self.secondsSince1970 = secondsSince1970
        (started, start) = AsyncStream.makeStream(of: RevocationFeed.self)
    }

    /// - Parameter listener: called on any thread when a feed began to fail, or to answer.
    func onTurn(_ listener: @escaping @Sendable () -> Void) { state.withLock { $0.listener = listener } }

    /// What the feed of these settings knows; one that is new is asked from now on.
    func source(of settings: TokenProvider.RevocationFeed) -> RevocationSource {
        let (feed, isNew) = state.withLock { state in
            if let known = state.feeds[settings] { return (known, false) }
            let older = state.feeds.values.first { $0.settings.uri == settings.uri }
            let made = RevocationFeed(
                settings, keeping: older, fetch: fetch, secondsSince1970: secondsSince1970,
                turned: { [self] in tell() })
            state.feeds[settings] = made
            return (made, true)
        }
        if isNew { start.yield(feed) }
        return feed.source
    }

    private func tell() { state.withLock { $0.listener }() }

    /// Ends all others.
    func retain(only settings: Set<TokenProvider.RevocationFeed>) {
        let dropped = state.withLock { state in
            let dropped = state.feeds.filter { !settings.contains($0.key) }
            for key in dropped.keys { state.feeds[key] = nil }
            return dropped.values
        }
        for feed in dropped { feed.stop() }
    }

    /// In the order of their addresses.
    var figures: [RevocationFeed.Figures] {
        state.withLock { Array($0.feeds.values) }.map(\.figures).sorted { $0.uri < $1.uri }
    }

    func run() async {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                for await feed in started {
                    group.addTask { [self] in
                        await feed.run()
                        await ended(feed.settings)
                    }
                }
                group.cancelAll()
            }
        }
    }
}

extension RevocationFeed.Figures {
    /// What a person has to know; nil: all is well.
    var problem: String? {
        if let failure {
            let known = answeredAt == nil ? "nothing is known" : "the \(entries) that are known stay in force"
            return "revocations of \(uri): \(failure); \(known), and tokens that are revoked now are let in"
        }
        if answeredAt == nil { return "revocations of \(uri) were not read yet" }
        if isOverfull { return "revocations of \(uri) are too many: tokens are refused that nobody revoked" }
        return nil
    }
}
