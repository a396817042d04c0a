import Routing
import Synchronization

/// A key set that lives at an issuer: fetched by one task, read by the tasks that verify tokens.
final class RemoteKeySet: Sendable {
    /// What an issuer answered.
    struct Answer: Sendable {
        var body: [UInt8]
        /// `Cache-Control: max-age`, in seconds.
        var maxAge: Int64?
    }

    typealias Fetch = @Sendable (TokenProvider.RemoteKeySet) async throws -> Answer

    /// What is known of the set, for the metrics and for people.
    struct Figures: Sendable {
        var uri: String
        /// Nil: never loaded.
        var loadedAt: Int64?
        var fetches: UInt64
        var failures: UInt64
        /// Why the last fetch failed; nil when it did not.
        var lastFailure: String?
    }

    /// The most verifications that wait for one fetch.
    static let waiterLimit = 1_024

    private struct State {
        var schedule: KeySetSchedule
        var keys: KeySet?
        var body: [UInt8] = []
        var fetches: UInt64 = 0
        var failures: UInt64 = 0
        var lastFailure: String?
        /// A fetch for a name that was unknown is asked for or under way.
        var isAwaited = false
        var waiters: [@Sendable () -> Void] = []
        var isStopped = false
    }

    let settings: TokenProvider.RemoteKeySet
    private let fetch: Fetch
    private let secondsSince1970: @Sendable () -> Int64
    /// Called after each fetch, with whether keys that were in use have changed.
    private let changed: @Sendable (Bool) -> Void
    private let state: Mutex<State>
    private let alarm = Alarm()

    /// - Parameter older: another set of the same address, whose keys are used until new ones are there.
    init(
        _ settings: TokenProvider.RemoteKeySet, keeping older: RemoteKeySet?, fetch: @escaping Fetch,
        secondsSince1970: @escaping @Sendable () -> Int64, changed: @escaping @Sendable (Bool) -> Void
    ) {
        self.settings = settings
        self.fetch = fetch
        self.secondsSince1970 = secondsSince1970
        self.changed = changed
        var first = State(schedule: KeySetSchedule(staleSeconds: settings.staleSeconds))
        if let known = older?.loaded {
            first.keys = known.keys
            first.body = known.body
            first.schedule.succeeded(now: known.at, maxAge: nil)
        }
        state = Mutex(first)
    }

    /// The keys to verify with; nil while none were loaded, or they are too old.
    var keys: KeySet? {
        let now = secondsSince1970()
        return state.withLock { $0.schedule.isUsable(now: now) ? $0.keys : nil }
    }

    var figures: Figures {
        state.withLock {
            Figures(
                uri: settings.uri, loadedAt: $0.schedule.loadedAt, fetches: $0.fetches, failures: $0.failures,
                lastFailure: $0.lastFailure)
        }
    }

    private var loaded: (keys: KeySet, body: [UInt8], at: Int64)? {
        state.withLock { state in
            guard let keys = state.keys, let at = state.schedule.loadedAt else { return nil }
            return (keys, state.body, at)
        }
    }

    /// A token names a key that was not in the set when it was looked for.
    ///
    /// - Parameter again: called once, on any thread, when the set was fetched once more, whatever came of it; at once when
    ///   the key has come meanwhile.
    /// - Returns: false, without ever calling `again`, when that is no reason to fetch it.
    func isMissing(_ name: String, then again: @escaping @Sendable () -> Void) -> Bool {
        let now = secondsSince1970()
        let (isAwaited, hasCome) = state.withLock { state in
            if state.keys?.keys[name] != nil { return (true, true) }
            guard !state.isStopped, state.waiters.count < Self.waiterLimit else { return (false, false) }
            // While a fetch is awaited this key may come with it; afterwards it is no news any more.
            if state.waiters.isEmpty {
                guard state.schedule.isNews(name, now: now) else { return (false, false) }
                state.isAwaited = true
            }
            state.waiters.append(again)
            return (true, false)
        }
        if hasCome { again() } else if isAwaited { alarm.ring() }
        return isAwaited
    }

    func stop() {
        let waiters = state.withLock { state in
            state.isStopped = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter() }
        alarm.ring()
    }

    /// Fetches the set whenever it is time, until it is stopped or cancelled.
    func run() async {
        while !Task.isCancelled && !state.withLock({ $0.isStopped }) {
            let (due, isAwaited) = state.withLock { state in
                defer { state.isAwaited = false }
                return (state.schedule.nextFetch, state.isAwaited)
            }
            let now = secondsSince1970()
            if isAwaited || due <= now { await fetchOnce() } else { await alarm.pause(for: .seconds(due - now)) }
        }
    }

    /// Fetches the set now.
    func fetchOnce() async {
        let result: Result<(KeySet, Answer), KeySetError>
        do {
            let answer = try await fetch(settings)
            result = .success((try await KeySet(json: answer.body), answer))
        } catch let error as KeySetError {
            result = .failure(error)
        } catch {
            result = .failure(KeySetError("cannot be fetched: \(error)"))
        }
        let now = secondsSince1970()
        let (waiters, isChanged) = state.withLock { state in
            state.fetches += 1
            var isChanged = false
            switch result {
            case .success(let (keys, answer)):
                isChanged = state.keys != nil && state.body != answer.body
                state.keys = keys
                state.body = answer.body
                state.lastFailure = nil
                state.schedule.succeeded(now: now, maxAge: answer.maxAge)
            case .failure(let error):
                state.failures += 1
                state.lastFailure = error.description
                state.schedule.failed(now: now)
            }
            defer { state.waiters = [] }
            return (state.waiters, isChanged)
        }
        changed(isChanged)
        for waiter in waiters { waiter() }
    }
}
