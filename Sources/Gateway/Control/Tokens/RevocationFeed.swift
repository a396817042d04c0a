import Policy
import Routing
import Synchronization

/// What an issuer tells of tokens that it took back: asked by one task, read by the workers.
///
/// While the feed does not answer, what it told before stays in force, and tokens that are taken back meanwhile are let in:
/// its metrics, the log and `/readyz` say so.
final class RevocationFeed: Sendable {
    /// Reads the page behind a position.
    typealias Fetch = @Sendable (_ feed: TokenProvider.RevocationFeed, _ after: Int64) async throws -> RevocationPage

    /// What is known of the feed, for the metrics and for people.
    struct Figures: Sendable {
        var uri: String
        /// When it last answered, in seconds since 1970; nil: never.
        var answeredAt: Int64?
        var polls: UInt64 = 0
        var failures: UInt64 = 0
        var unreadable: UInt64 = 0
        var entries = 0
        /// More was taken back than is kept; see `RevocationList`.
        var isOverfull = false
        /// Why it did not answer the last time; nil when it did.
        var failure: String?
    }

    /// The most pages that are read at one go.
    static let pageLimit = 256

    private struct State {
        var cursor = RevocationCursor()
        var list: RevocationList
        var figures: Figures
        var prunedAt: Int64
        /// The list says more than was published.
        var hasNews = false
        var isStopped = false
    }

    let settings: TokenProvider.RevocationFeed
    let source: RevocationSource
    private let fetch: Fetch
    private let secondsSince1970: @Sendable () -> Int64
    /// Called when the feed began to fail, or to answer, or to have more than is kept.
    private let turned: @Sendable () -> Void
    private let state: Mutex<State>
    private let alarm = Alarm()

    /// - Parameter older: another feed of the same address, whose entries stay in force.
    init(
        _ settings: TokenProvider.RevocationFeed, keeping older: RevocationFeed?, fetch: @escaping Fetch,
        secondsSince1970: @escaping @Sendable () -> Int64, turned: @escaping @Sendable () -> Void
    ) {
        self.settings = settings
        self.fetch = fetch
        self.secondsSince1970 = secondsSince1970
        self.turned = turned
        let list = older?.state.withLock { $0.list } ?? RevocationList()
        source = RevocationSource(list)
        var figures = Figures(uri: settings.uri)
        figures.entries = list.count
        state = Mutex(State(list: list, figures: figures, prunedAt: secondsSince1970()))
    }

    var figures: Figures { state.withLock { $0.figures } }

    func stop() {
        state.withLock { $0.isStopped = true }
        alarm.ring()
    }

    /// Asks the feed again and again, until it is stopped or cancelled.
    func run() async {
        while !Task.isCancelled && !state.withLock({ $0.isStopped }) {
            await poll()
            let pause = state.withLock { $0.cursor.pauseMilliseconds(interval: settings.intervalMilliseconds) }
            await alarm.pause(for: .milliseconds(pause))
        }
    }

    /// Reads what the feed has to say now.
    func poll() async {
        let before = figures
        // Not for each page: the list is copied when it changes after that.
        defer { publish() }
        var publishedAt: Int64?
        do {
            for _ in 0..<Self.pageLimit {
                let now = secondsSince1970()
                let page = try await fetch(settings, state.withLock { $0.cursor.after(now: now) })
                let came = secondsSince1970()
                guard take(page, now: came) else { break }
                // Many pages of a slow feed: what they told does not wait for the last.
                if publishedAt != came {
                    publish()
                    publishedAt = came
                }
            }
        } catch is CancellationError {
            return
        } catch {
            state.withLock { state in
                state.cursor.failed()
                state.figures.polls += 1
                state.figures.failures += 1
                state.figures.failure = (error as? FetchError)?.description ?? "cannot be reached: \(error)"
            }
        }
        let after = figures
        let isFirst = before.answeredAt == nil && after.answeredAt != nil
        let hasTurned = (before.failure == nil) != (after.failure == nil) || before.isOverfull != after.isOverfull
        if isFirst || hasTurned { turned() }
    }

    private func publish() {
        state.withLock { state in
            guard state.hasNews else { return }
            state.hasNews = false
            source.publish(state.list)
        }
    }

    /// - Returns: whether there is more to read.
    private func take(_ page: RevocationPage, now: Int64) -> Bool {
        state.withLock { state in
            for entry in page.entries where state.list.insert(entry, nowSeconds: now) { state.hasNews = true }
            if state.list.isFull || now >= state.prunedAt + RevocationCursor.secondsBetweenWalks {
                let wasOverfull = state.list.isOverfull
                state.list.prune(nowSeconds: now)
                state.prunedAt = now
                if state.list.isOverfull != wasOverfull { state.hasNews = true }
            }
            state.figures.polls += 1
            state.figures.unreadable += UInt64(page.unreadable)
            state.figures.answeredAt = now
            state.figures.entries = state.list.count
            state.figures.isOverfull = state.list.isOverfull
            state.figures.failure = nil
            return state.cursor.received(isEmpty: page.entries.isEmpty && page.unreadable == 0, next: page.next)
        }
    }
}
