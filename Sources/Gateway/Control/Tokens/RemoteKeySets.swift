import Routing
import ServiceLifecycle
import Synchronization

/// The remote key sets of the configuration in use; each is fetched by a task of its own, and outlives reloads that name
/// it again.
final class RemoteKeySets: Service {
    private struct State {
        var sets: [TokenProvider.RemoteKeySet: RemoteKeySet] = [:]
        /// Called after each fetch.
        var listener: @Sendable () -> Void = {}
        /// Keys in use have changed since it was last asked.
        var hasChanged = false
    }

    private let state = Mutex(State())
    private let fetch: RemoteKeySet.Fetch
    private let secondsSince1970: @Sendable () -> Int64
    private let started: AsyncStream<RemoteKeySet>
    private let start: AsyncStream<RemoteKeySet>.Continuation

    init(fetch: @escaping RemoteKeySet.Fetch, secondsSince1970: @escaping @Sendable () -> Int64) {
        self.fetch = fetch
        self.secondsSince1970 = secondsSince1970
        (started, start) = AsyncStream.makeStream(of: RemoteKeySet.self)
    }

    /// - Parameter listener: called after each fetch, on any thread.
    func onFetch(_ listener: @escaping @Sendable () -> Void) { state.withLock { $0.listener = listener } }

    /// Whether keys in use have changed since this was last called.
    func takeChange() -> Bool {
        state.withLock { state in
            defer { state.hasChanged = false }
            return state.hasChanged
        }
    }

    /// The set of these settings; one that is new is fetched from now on.
    func set(of settings: TokenProvider.RemoteKeySet) -> RemoteKeySet {
        let (set, isNew) = state.withLock { state in
            if let known = state.sets[settings] { return (known, false) }
            let older = state.sets.values.first { $0.settings.uri == settings.uri }
            let made = RemoteKeySet(
                settings, keeping: older, fetch: fetch, secondsSince1970: secondsSince1970,
                changed: { [self] in tell($0) })
            state.sets[settings] = made
            return (made, true)
        }
        if isNew { start.yield(set) }
        return set
    }

    /// Ends all others.
    func retain(only settings: Set<TokenProvider.RemoteKeySet>) {
        let dropped = state.withLock { state in
            let dropped = state.sets.filter { !settings.contains($0.key) }
            for key in dropped.keys { state.sets[key] = nil }
            return dropped.values
        }
        for set in dropped { set.stop() }
    }

    /// In the order of their addresses.
    var figures: [RemoteKeySet.Figures] {
        state.withLock { Array($0.sets.values) }.map(\.figures).sorted { $0.uri < $1.uri }
    }

    /// The sets that were never loaded, and why.
    var missing: [String] {
        figures.filter { $0.loadedAt == nil }
            .map { "keys of \($0.uri)" + ($0.lastFailure.map { ": \($0)" } ?? "") }
    }

    private func tell(_ isChanged: Bool) {
        let listener = state.withLock { state in
            if isChanged { state.hasChanged = true }
            return state.listener
        }
        listener()
    }

    func run() async {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                for await set in started { group.addTask { await set.run() } }
                group.cancelAll()
            }
        }
        for set in state.withLock({ Array($0.sets.values) }) { set.stop() }
    }
}
