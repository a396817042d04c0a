import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// The key set of an issuer, fetched over HTTP: in the background in its own time, and at once when a request lacks its
/// key and it is due (``RemoteKeySetSchedule``). There is one fetch at a time; whoever needs it waits for the same one.
///
/// While the issuer is away the last keys stay. A failure is told once, and once that it is over.
final class RemoteKeySet: Sendable {
    typealias Fetch = @Sendable () async throws -> KeySetClient.Answer

    struct Figures: Sendable, Hashable {
        /// Those that succeeded and those that failed; one that was cancelled is neither.
        var fetches: UInt64 = 0
        var failures: UInt64 = 0
        /// Seconds since 1970; nil while there are no keys.
        var loadedAt: Double?
    }

    /// The most requests that wait for one fetch; more go on with the keys there are.
    static let waiterLimit = 1_024

    private struct State {
        var schedule = RemoteKeySetSchedule()
        var keys: VersionedKeys?
        var body: [UInt8] = []
        var figures = Figures()
        var isFetching = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let uri: String
    private let logger: Logger
    private let now: @Sendable () -> Double
    private let fetch: Fetch
    private let state = Mutex(State())

    init(uri: String, logger: Logger, now: @escaping @Sendable () -> Double, fetch: @escaping Fetch) {
        self.uri = uri
        self.logger = logger
        self.now = now
        self.fetch = fetch
    }

    convenience init(uri: String, logger: Logger, now: @escaping @Sendable () -> Double) {
        let client = KeySetClient(uri: uri)
        self.init(uri: uri, logger: logger, now: now) { try await client.fetch() }
    }

    var figures: Figures { state.withLock { $0.figures } }

    /// Seconds until the set is to be fetched in its own time.
    var secondsUntilFetch: Double { state.withLock { $0.schedule.nextFetch } - now() }

    /// Fetches the set, or waits for the fetch that is under way.
    func refresh() async {
        let isFirst = state.withLock { state in
            guard !state.isFetching else { return false }
            state.isFetching = true
            state.schedule.started(now: now())
            return true
        }
        guard isFirst else { return await waitForFetch() }
        do {
            let answer = try await fetch()
            finish(.success((answer, try await KeySet(json: Data(answer.body)))))
        } catch is CancellationError {
            finish(nil)
        } catch {
            finish(.failure(error))
        }
    }

    private func waitForFetch() async {
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                guard state.isFetching, state.waiters.count < Self.waiterLimit else { return false }
                state.waiters.append(continuation)
                return true
            }
            if !isWaiting { continuation.resume() }
        }
    }

    /// Takes the outcome of a fetch, and lets those who wait go on.
    ///
    /// - Parameter outcome: nil when the fetch was cancelled, which says nothing about the issuer.
    private func finish(_ outcome: Result<(KeySetClient.Answer, KeySet), any Error>?) {
        let now = now()
        let (waiters, failuresBefore, keyCount) = state.withLock { state in
            let failuresBefore = state.schedule.failuresInARow
            switch outcome {
            case .success((let answer, let keys)):
                state.figures.fetches += 1
                state.schedule.succeeded(now: now, maxAge: answer.maxAge)
                state.figures.loadedAt = now
                // Unchanged keys leave what was verified with them as it is.
                if state.keys == nil || answer.body != state.body {
                    state.keys = VersionedKeys(keys: keys, generation: (state.keys?.generation ?? 0) + 1)
                    state.body = answer.body
                }
            case .failure:
                state.figures.fetches += 1
                state.figures.failures += 1
                state.schedule.failed(now: now)
            case nil: break
            }
            let waiters = state.waiters
            state.waiters = []
            state.isFetching = false
            return (waiters, failuresBefore, state.keys?.keys.keys.count ?? 0)
        }
        for waiter in waiters { waiter.resume() }
        if let outcome { tell(outcome, failuresBefore: failuresBefore, keyCount: keyCount) }
    }

    private func tell(
        _ outcome: Result<(KeySetClient.Answer, KeySet), any Error>, failuresBefore: Int, keyCount: Int
    ) {
        switch outcome {
        case .failure(let error) where failuresBefore == 0:
            logger.warning(
                keyCount == 0
                    ? "the key set could not be fetched" : "the key set could not be fetched, the last one stays",
                metadata: ["uri": "\(uri)", "reason": "\(error)"])
        case .success where failuresBefore > 0:
            logger.notice("the key set was fetched again", metadata: ["uri": "\(uri)", "keys": "\(keyCount)"])
        default: break
        }
    }
}

extension RemoteKeySet: KeySource {
    var isLoaded: Bool { state.withLock { $0.keys != nil } }

    /// Before the first keys: those of a fetch that this request waits for, if one is due or under way.
    func current(now: Double) async -> VersionedKeys? {
        await refreshed(now: now) { _ in true }
    }

    func current(missing keyID: String, now: Double) async -> VersionedKeys? {
        await refreshed(now: now) { $0.keys[keyID] != nil }
    }

    /// The keys as soon as they are what is wanted, or when nothing more can be done for it.
    private func refreshed(now: Double, until isWanted: (KeySet) -> Bool) async -> VersionedKeys? {
        // Twice: a fetch that was under way may have been answered just before the wanted key was there.
        for _ in 0..<2 {
            let isDue = state.withLock { state in
                if let keys = state.keys, isWanted(keys.keys) { return false }
                return state.isFetching || state.schedule.takesFetch(now: now, isLoaded: state.keys != nil)
            }
            guard isDue else { break }
            await refresh()
        }
        return state.withLock { $0.keys }
    }
}

/// Keeps a remote key set fresh until the service stops.
struct KeySetRefresh: Service, CustomStringConvertible {
    let keySet: RemoteKeySet
    let description = "key set"

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await keySet.refresh()
                // Cancelled: the loop ends by itself.
                try? await Task.sleep(for: .seconds(max(0.1, keySet.secondsUntilFetch)))
            }
        }
    }
}
